import FuzzSupport
import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Fuzzing: HTTP/1.1", .timeLimit(.minutes(10)))
struct HTTP1FuzzTests {
    private static let requests = [
        get("/a") + post("/b?x=%20", "body") + get("/c", "Connection: close"),
        "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n"
            + "T: x\r\n\r\n" + get("/d"),
        "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok" + get("/f"),
        "GET http://h:80/x?y HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + get("/g"),
        "OPTIONS * HTTP/1.1\r\nhost:h\r\nA: \t v \t\r\nB:\r\n\r\n",
        "PUT /h HTTP/1.1\r\nHost: [::1]:8\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\na",
    ]

    private static let responses = HTTP1ResponseReaderTests.whole.map(\.text)

    private static let words = [
        "\r\n", "\r\n\r\n", "\n", "\r", ": ", "Host: h\r\n", "Content-Length: 3\r\n", "Content-Length: -1\r\n",
        "0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "HTTP/1.1", "HTTP/1.0",
        "HTTP/1.1 200 ",
        "ffffffffffffffff\r\n", "8000000000000000\r\n", "3\r\nabc\r\n", ";x=\"y\"", "Connection: close\r\n", "\t", "\0",
        "Expect: 100-continue\r\n", "GET / HTTP/1.1\r\n", "Content-Length: 99999999999999999999\r\n", " \r\n", "\u{E9}",
    ]

    /// What a reader makes of bytes, in one piece each that comes together.
    private static func reading(_ pieces: [[UInt8]], maximumHead: Int) -> [String] {
        var reader = HTTP1RequestReader(isSecure: false, maximumHead: maximumHead)
        var (events, body) = ([String](), [UInt8]())
        for piece in pieces {
            var position = 0
            do throws(HTTP1Fault) {
                while let event = try reader.next(in: piece.span, at: &position) {
                    switch event {
                    case .head(let head):
                        events.append("\(head.request.method) \(head.request.path ?? "-") \(head)")
                    case .body(let range): body += piece[range]
                    case .end:
                        events.append("body \(body)")
                        body = []
                    }
                }
                #expect(position == piece.count)
            } catch {
                return events + ["body \(body)", "\(error)"]
            }
        }
        return events + ["body \(body)", "inside \(reader.isInsideHead)"]
    }

    @Test("a reader of requests sees the same, however the bytes are cut")
    func requests() {
        var fuzzer = Fuzzer(texts: Self.requests, words: Self.words)
        var heads = 0
        let tried = fuzzer.run(4000) { bytes, numbers in
            let limit = [64, 300, 16 << 10][numbers.below(3)]
            let whole = Self.reading([bytes], maximumHead: limit)
            heads += whole.count > 2 ? 1 : 0
            for cuts in [FuzzCuts.single, .random] {
                #expect(Self.reading(cuts.pieces(bytes, &numbers), maximumHead: limit) == whole, "\(bytes) \(limit)")
            }
        }
        #expect(heads > tried / 20, "too few of the inputs are requests for this to say much")
    }

    private static func response(_ pieces: [[UInt8]], bodyLimit: Int) -> String {
        var reader = HTTP1ResponseReader(bodyLimit: bodyLimit, maximumHead: 400)
        do throws(HTTP1Fault) {
            for piece in pieces { try reader.receive(piece.span) }
            let hadEnded = reader.hasEnded
            try reader.end()
            return "\(reader.response) \(reader.body) \(hadEnded)"
        } catch {
            #expect(reader.body.count <= bodyLimit)
            return "\(error)"
        }
    }

    @Test("so does a reader of responses, and it keeps no more of a body than it may")
    func responses() {
        var fuzzer = Fuzzer(texts: Self.responses, words: Self.words)
        var read = 0
        let tried = fuzzer.run(4000) { bytes, numbers in
            let limit = numbers.below(20)
            let whole = Self.response([bytes], bodyLimit: limit)
            read += whole.contains("malformed") ? 0 : 1
            for cuts in [FuzzCuts.single, .random] {
                #expect(Self.response(cuts.pieces(bytes, &numbers), bodyLimit: limit) == whole, "\(bytes)")
            }
        }
        #expect(read > tried / 20, "too few of the inputs are responses for this to say much")
    }

    /// What a connection answers, without what depends on the clock and on how soon bytes come.
    private static func answers(_ pieces: [[UInt8]], on loop: isolated EventLoop) async -> (codes: [String], calls: Int)
    {
        let calls = Lock(0)
        let running = Lock(0)
        let peer = HTTP1Peer(on: loop) { request in
            calls.withLock { $0 += 1 }
            running.withLock { $0 += 1 }
            defer { running.withLock { $0 -= 1 } }
            return await mirror(request)
        }
        for piece in pieces where !peer.transport.isClosed { await peer.send(piece, on: loop) }
        let codes = peer.text.split(separator: "\r\n").filter {
            $0.hasPrefix("HTTP/1.") && !$0.hasPrefix("HTTP/1.1 100")
        }
        let before = calls.withLock { $0 }
        peer.transport.close(on: loop)
        for _ in 0..<100 where running.withLock({ $0 }) > 0 { await loop.turn() }
        #expect(running.withLock { $0 } == 0, "work went on after the end")
        #expect(calls.withLock { $0 } == before, "work went on after the end")
        return (codes.map(String.init) + ["over \(peer.isOver)"], before)
    }

    @Test("a connection answers the same, however the bytes are cut, and works at nothing when it is closed")
    func connection() async {
        await onOwnLoop { loop in
            var fuzzer = Fuzzer(texts: Self.requests, words: Self.words)
            await fuzzer.run(600) { bytes, numbers in
                let whole = await Self.answers([bytes], on: loop)
                let cut = await Self.answers(
                    (numbers.below(4) == 0 ? FuzzCuts.single : .random).pieces(bytes, &numbers), on: loop)
                #expect(whole.codes == cut.codes, "\(bytes)")
                #expect(whole.calls == cut.calls, "\(bytes)")
            }
        }
    }
}
