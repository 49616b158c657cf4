import FuzzSupport
import HTTP
import TestSupport
import Testing
import Transport

@testable import GRPC

@Suite("Hostile peers", .timeLimit(.minutes(5)))
struct HostileTests {
    /// What a client sends for one call of `/test.Echo/Talk`, with literal fields: preface, settings, head, messages.
    private static func call(guest: Bool) -> [UInt8] {
        var fields = [
            (":method", "POST"), (":scheme", "http"), (":path", EchoService.path), (":authority", "g"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        if guest { fields.append(("guest", "1")) }
        let block = fields.flatMap { name, value -> [UInt8] in
            [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        let data: [UInt8] = [0, 0, 0, 0, 3, 1, 2, 3, 0, 0, 0, 0, 2, 4, 5]
        return Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
            + [0, 0, UInt8(block.count), 1, 4, 0, 0, 0, 1] + block
            + [0, 0, UInt8(data.count), 0, 1, 0, 0, 0, 1] + data
    }

    @Test("a peer that is gone after any byte leaves nothing behind", arguments: [true, false])
    func closes(guest: Bool) async throws {
        let service = EchoService()
        let router = GRPCRouter([service])
        let loop = EventLoop()
        loop.start()
        let bytes = Self.call(guest: guest)
        for count in 1...bytes.count {
            await loop.run { loop in
                let transport = MemoryTransport()
                let configuration = HTTP2ServerConfiguration(entry: { _ in .empty(.notFound) }, router: router)
                transport.attach(
                    HTTP2Connection(over: transport, configuration, peer: nil, isSecure: false, on: loop))
                transport.receive(Array(bytes.prefix(count)), on: loop)
                transport.close(on: loop)
                await loop.turn()
            }
        }
        await loop.stop()
        let lines = service.record.all
        #expect(lines.contains("end"))
        #expect(lines.count { $0 == "open" } == lines.count { $0 == "closed" || $0 == "cancelled" })
        #expect(router.guestBytes == 0)
    }

    @Test("damaged messages end their call and nothing else", arguments: 0..<4 as Range<UInt64>)
    func damaged(seed: UInt64) async throws {
        var random = FuzzNumbers(seed: seed)
        let service = EchoService()
        let router = GRPCRouter([service])
        try await RawPipe.with(router: router) { pipe in
            for _ in 0..<100 {
                var steps: [RawPipe.Step] = []
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    var bytes: [UInt8] = [0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]
                    for _ in 0..<Int.random(in: 0...2, using: &random) {
                        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
                    }
                    steps.append(.bytes(Array(bytes.prefix(Int.random(in: 1...bytes.count, using: &random)))))
                }
                let guest: HTTPFields = Bool.random(using: &random) ? [.guest: "1"] : [:]
                let call = try await pipe.call(fields: guest, steps)
                await call.then(Bool.random(using: &random) ? .end : .reset(.cancel))
                _ = await call.end()
            }
            // The connection still serves.
            let answer = try await pipe.call([.message([1]), .end]).end()
            #expect(answer.grpcStatus == "0")
        }
        let lines = service.record.all
        #expect(lines.count { $0 == "open" } == lines.count { $0 == "closed" || $0 == "cancelled" })
        #expect(router.guestBytes == 0)
    }

    @Test("the deframer gives what was framed, or refuses, for random bytes in random pieces")
    func random() throws {
        var random = FuzzNumbers(seed: 7)
        for _ in 0..<2000 {
            var deframer = GRPCDeframer(maximumMessage: 64)
            let bytes = (0..<Int.random(in: 0...200, using: &random)).map { index in
                // Mostly small numbers, so that many prefixes are valid.
                index.isMultiple(of: 7)
                    ? UInt8.random(in: 0...255, using: &random) : UInt8.random(in: 0...1, using: &random)
            }
            var (start, consumed, delivered) = (0, 0, 0)
            reading: while start < bytes.count {
                let count = min(Int.random(in: 1...40, using: &random), bytes.count - start)
                deframer.append(Array(bytes[start..<start + count]))
                start += count
                do {
                    while let message = try deframer.next() {
                        #expect(message.elementsEqual(bytes[(delivered + 5)..<(delivered + 5 + message.count)]))
                        delivered += 5 + message.count
                    }
                } catch {
                    #expect([.unimplemented, .internalError, .resourceExhausted].contains(error.code))
                    deframer.removeAll()
                    #expect(consumed + deframer.takeConsumed() == start)
                    break reading
                }
                consumed += deframer.takeConsumed()
                #expect(deframer.heldBytes == start - delivered)
            }
        }
    }
}
