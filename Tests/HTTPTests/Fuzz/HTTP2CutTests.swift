import FuzzSupport
import TestSupport
import Testing
import Transport

@testable import HTTP

/// ``HTTP2FuzzTests`` looks for what breaks; this one for what is understood differently.
@Suite("Fuzzing: HTTP/2 bytes of a connection", .timeLimit(.minutes(10)))
struct HTTP2CutTests {
    typealias Wire = HTTP2Wire

    private static let corpus: [[UInt8]] = [
        Wire.request(1, "/call", method: "POST", end: false) + Wire.data(1, [1, 2, 3]) + Wire.data(1, [4], end: true)
            + Wire.request(3, "/call") + Wire.reset(3) + Wire.request(5, "/call", method: "POST", end: false)
            + Wire.data(5, [9]) + Wire.headers(5, [("x-t", "1")], end: true),
        Wire.request(1, "/call", method: "POST", with: [("content-length", "5")], end: false)
            + Wire.data(1, Array("hello".utf8), end: true) + Wire.reset(1) + Wire.window(0, 1000),
        Wire.request(1, "/call", method: "POST", end: false) + Wire.window(1, 0x7FFF_FFFF) + Wire.data(1, [1])
            + Wire.request(3, "/call", method: "POST", end: false) + Wire.data(3, [7, 8], end: true),
        Wire.headers(1, [(":method", "GET"), (":scheme", "http"), (":path", "/call")], endsHeaders: false)
            + Wire.frame(.continuation, 4, 1, Wire.block([("host", "a")])) + Wire.data(1, [], end: true),
        Wire.request(1, "/call", method: "POST", end: false) + Wire.frame(.data, 8, 1, [2, 65, 66, 0, 0])
            + Wire.frame(.goAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]) + Wire.data(1, [3], end: true),
        Wire.frame(.headers, 0x2C, 1, [3, 0x80, 0, 0, 1, 9] + Wire.block([(":method", "GET")]) + [0, 0, 0])
            + Wire.frame(.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) + Wire.settings([(4, 100), (5, 20000)])
            + Wire.frame(99, 7, 3, [1]),
    ]

    private static let words: [[UInt8]] = [
        Wire.data(1, [1], end: true), Wire.data(3, [], end: true), Wire.reset(1), Wire.reset(5), Wire.window(1, 0),
        Wire.window(0, 0), Wire.frame(.priority, 0, 7, [0, 0, 0, 7, 200]), Wire.frame(.priority, 0, 7, [0]),
        Wire.frame(.push, 4, 1, [0, 0, 0, 2]), Wire.frame(16, 0, 0, [0, 0, 0, 1, 0x75]), [0, 0, 0], [0x40, 0], [0xFF],
    ]

    /// What the handlers of a connection hear, each alone.
    private static func heard(
        _ pieces: [[UInt8]], farewellAt: Int?, on loop: isolated EventLoop
    ) async -> [String] {
        let router = NotingRouter()
        let pair = HTTP2Pair(client: nil, router: router, on: loop) { _ in .empty(.ok) }
        for (index, piece) in pieces.enumerated() {
            pair.send(piece, on: loop)
            if index == farewellAt { pair.server.beginShutdown(on: loop) }
            await loop.turn()
        }
        await loop.turn()
        let handlers = router.all(on: loop)
        let heard = handlers.map { handler in
            // How often nothing but room was told depends on the cuts.
            var events = handler.events.filter { $0 != "writable" && $0 != "data" }
            #expect(handler.events.last == "closed" || !handler.isClosed)
            if let trailers = handler.trailers { events.append("\(trailers)") }
            // Whether its own reset or the end of the connection comes first depends on the cuts.
            if handler.failure != nil { events.append("failed") }
            return "\(handler.stream.id) \(handler.body) \(events)"
        }
        pair.close(on: loop)
        #expect(handlers.allSatisfy { $0.isClosed && $0.events.count { $0 == "closed" } == 1 })
        for _ in 0..<50 where pair.server.workingForTests > 0 { await loop.turn() }
        #expect(pair.server.workingForTests == 0)
        return heard
    }

    @Test("streams hear the same, however the bytes are cut")
    func cuts() async {
        await onOwnLoop { loop in
            var fuzzer = Fuzzer(corpus: Self.corpus, words: Self.words)
            var streams = 0
            let tried = await fuzzer.run(500) { bytes, numbers in
                let whole = await Self.heard([bytes], farewellAt: nil, on: loop)
                streams += whole.isEmpty ? 0 : 1
                let cuts = numbers.below(4) == 0 ? FuzzCuts.single : .random
                let cut = await Self.heard(cuts.pieces(bytes, &numbers), farewellAt: nil, on: loop)
                #expect(whole == cut, "\(bytes)")
            }
            #expect(streams > tried / 20, "too few of the inputs are requests for this to say much")
        }
    }

    @Test("nothing is told to a stream after its end, whenever the server says farewell")
    func farewell() async {
        await onOwnLoop { loop in
            var fuzzer = Fuzzer(corpus: Self.corpus, words: Self.words)
            await fuzzer.run(500) { bytes, numbers in
                let pieces = FuzzCuts.random.pieces(bytes, &numbers)
                _ = await Self.heard(pieces, farewellAt: numbers.below(pieces.count), on: loop)
            }
        }
    }
}
