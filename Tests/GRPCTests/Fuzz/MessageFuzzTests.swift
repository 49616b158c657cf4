import FuzzSupport
import HTTP
import TestSupport
import Testing
import Transport

@testable import GRPC

@Suite("Fuzzing: gRPC messages and calls", .timeLimit(.minutes(10)))
struct MessageFuzzTests {
    private static func framed(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag, 0, 0, UInt8(message.count >> 8), UInt8(message.count & 255)] + message
    }

    private static let messages: [[UInt8]] = [
        framed([1, 2, 3]) + framed([]) + framed(Array(repeating: 7, count: 300)), framed([], flag: 1) + framed([4]),
        framed(Array(repeating: 9, count: 1000)) + framed([5]), [0, 255, 255, 255, 255, 1], [0, 0, 0, 4, 1],
    ]

    /// What comes out, what was given back for each append, and how it ended.
    private static func outcome(_ pieces: [[UInt8]], limit: Int) -> (messages: [[UInt8]], consumed: Int, end: String) {
        var deframer = GRPCDeframer(maximumMessage: limit)
        var (messages, consumed, appended) = ([[UInt8]](), 0, 0)
        for piece in pieces {
            deframer.append(piece)
            appended += piece.count
            do {
                while let message = try deframer.next() {
                    #expect(message.count <= limit)
                    messages.append(message)
                }
            } catch {
                deframer.removeAll()
                return (messages, consumed + deframer.takeConsumed() - appended, "\(error)")
            }
            consumed += deframer.takeConsumed()
            #expect(deframer.heldBytes <= limit + GRPCFraming.prefixLength, "held after all was asked for")
            #expect(consumed <= appended)
        }
        return (messages, consumed - appended, deframer.isEmpty ? "between messages" : "inside a message")
    }

    @Test("messages are the same, however the bytes are cut, and no more is held than one of them")
    func deframer() {
        var fuzzer = Fuzzer(corpus: Self.messages, words: [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [1]])
        var found = 0
        let tried = fuzzer.run(6000) { bytes, numbers in
            let limit = [0, 10, 256, 5000][numbers.below(4)]
            let whole = Self.outcome([bytes], limit: limit)
            found += whole.messages.isEmpty ? 0 : 1
            for cuts in [FuzzCuts.single, .random] {
                let cut = Self.outcome(cuts.pieces(bytes, &numbers), limit: limit)
                #expect(cut.messages == whole.messages, "\(bytes)")
                #expect(cut.end == whole.end, "\(bytes)")
                #expect(cut.consumed == whole.consumed, "\(bytes)")
            }
        }
        #expect(found > tried / 20, "too few of the inputs are messages for this to say much")
    }

    private static func call(_ stream: Int32, _ fields: [(String, String)] = [], path: String = EchoService.path)
        -> [UInt8]
    {
        let types = [("content-type", "application/grpc"), ("te", "trailers")]
        return HTTP2Wire.request(stream, path, method: "POST", with: types + fields, end: false)
    }

    private static let connections: [[UInt8]] = [
        call(1) + HTTP2Wire.data(1, framed([1, 2, 3]) + framed([]), end: true) + call(3, [("guest", "1")])
            + HTTP2Wire.data(3, framed([4])) + HTTP2Wire.reset(3),
        call(1, [("grpc-timeout", "10S"), ("begin", "1")]) + HTTP2Wire.data(1, framed([1]))
            + HTTP2Wire.data(1, [], end: true)
            + HTTP2Wire.reset(1) + call(3, [("end", "7")]) + HTTP2Wire.data(3, framed([1]))
            + HTTP2Wire.data(3, framed([2])),
        call(1, [("begin", "1"), ("size", "70000")]) + HTTP2Wire.data(1, framed([1]) + framed([2]))
            + HTTP2Wire.window(1, 100_000) + HTTP2Wire.data(1, [0, 0], end: true),
        call(1, [("grpc-timeout", "-1S")]) + call(3, [("grpc-encoding", "gzip")]) + call(5, path: "/no/Method")
            + HTTP2Wire.data(5, framed([1]), end: true) + call(7, [("grpc-timeout", "99999999H")]),
    ]

    /// Sends bytes to a connection with the service behind it, and lets it go.
    private static func serve(_ pieces: [[UInt8]], isReset: Bool, on loop: isolated EventLoop) async -> [String] {
        let service = EchoService()
        let router = GRPCRouter([service])
        let transport = MemoryTransport()
        let configuration = HTTP2ServerConfiguration(entry: { _ in .empty(.notFound) }, router: router)
        transport.attach(HTTP2Connection(over: transport, configuration, peer: nil, isSecure: false, on: loop))
        transport.receive(HTTP2Wire.preface, on: loop)
        for piece in pieces where !transport.isClosed {
            transport.receive(piece, on: loop)
            await loop.turn()
        }
        #expect(router.guestBytes <= 1 << 20)
        if !isReset { transport.receiveEnd(on: loop) }
        transport.close(on: loop)
        for _ in 0..<5 { await loop.turn() }
        let lines = service.record.all
        #expect(lines.count { $0 == "open" } == lines.count { $0 == "closed" || $0 == "cancelled" })
        #expect(router.guestBytes == 0)
        return lines.filter { $0.hasPrefix("message") }
    }

    @Test("calls hear the same messages, however a connection's bytes are cut, and nothing stays of them")
    func calls() async {
        let loop = EventLoop()
        loop.start()
        await loop.run { loop in
            var fuzzer = Fuzzer(
                corpus: Self.connections,
                words: Self.messages + [HTTP2Wire.reset(1), HTTP2Wire.data(1, [], end: true), [0xFF]])
            var heard = 0
            let tried = await fuzzer.run(500) { bytes, numbers in
                let isReset = numbers.below(2) == 0
                let whole = await Self.serve([bytes], isReset: isReset, on: loop)
                heard += whole.isEmpty ? 0 : 1
                let cuts = numbers.below(4) == 0 ? FuzzCuts.single : .random
                let cut = await Self.serve(cuts.pieces(bytes, &numbers), isReset: isReset, on: loop)
                #expect(whole.sorted() == cut.sorted(), "\(bytes)")
            }
            #expect(heard > tried / 20, "too few of the inputs are calls for this to say much")
        }
        await loop.stop()
    }
}
