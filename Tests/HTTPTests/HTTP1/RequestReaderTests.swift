import Testing

@testable import HTTP

@Suite("Reading requests in pieces", .timeLimit(.minutes(5)))
struct RequestReaderTests {
    /// What was read, bodies joined.
    private struct Read: Equatable {
        var requests: [HTTPRequest] = []
        var bodies: [[UInt8]] = []
        var fault: HTTP1Fault?
    }

    private static func read(_ bytes: [UInt8], cuts: [Int], maximumHead: Int = 65536) -> Read {
        var reader = HTTP1RequestReader(isSecure: false, maximumHead: maximumHead)
        var read = Read()
        var start = 0
        for end in cuts + [bytes.count] {
            let piece = Array(bytes[start..<end])
            var position = 0
            do throws(HTTP1Fault) {
                while let event = try reader.next(in: piece.span, at: &position) {
                    switch event {
                    case .head(let head):
                        read.requests.append(head.request)
                        read.bodies.append([])
                    case .body(let range): read.bodies[read.bodies.count - 1] += piece[range]
                    case .end: break
                    }
                }
            } catch {
                read.fault = error
                return read
            }
            start = end
        }
        return read
    }

    @Test(
        "Expect is a list, and HTTP/1.0 has no Upgrade",
        arguments: [
            ("HTTP/1.1\r\nExpect: 100-continue, 100-Continue", true),
            ("HTTP/1.1\r\nExpect: x\r\nExpect: 100-continue", true),
            ("HTTP/1.1\r\nExpect: 100-continue\r\nExpect: x", true), ("HTTP/1.1\r\nExpect: x", false),
            ("HTTP/1.0\r\nExpect: 100-continue", false),
        ])
    func expectations(head: String, isContinueAwaited: Bool) throws {
        let bytes = Array("POST / \(head)\r\nHost: h\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\n".utf8)
        var reader = HTTP1RequestReader(isSecure: false, maximumHead: 1000)
        var position = 0
        guard case .head(let head)? = try reader.next(in: bytes.span, at: &position) else {
            Issue.record("no head")
            return
        }
        #expect(head.expectsContinue == isContinueAwaited)
        #expect(head.request.headerFields.contains(.upgrade) != head.isOld)
    }

    private static let stream = Array(
        ("\r\nPOST /a HTTP/1.1\r\nHost: h\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: r\r\n\r\n"
            + "PUT /b HTTP/1.1\r\nContent-Length: 5\r\nhost: h\r\n\r\nhello" + "GET /c?d HTTP/1.1\r\nHost: h\r\n\r\n")
            .utf8)

    @Test("wherever the bytes are cut, the same is read")
    func cut() {
        let whole = Self.read(Self.stream, cuts: [])
        #expect(whole.requests.map(\.path) == ["/a", "/b", "/c?d"])
        #expect(whole.bodies.map { String(decoding: $0, as: UTF8.self) } == ["abc0123456789abcdef", "hello", ""])
        for first in 1..<Self.stream.count {
            #expect(Self.read(Self.stream, cuts: [first]) == whole)
            for second in stride(from: first, to: Self.stream.count, by: 17) {
                #expect(Self.read(Self.stream, cuts: [first, second]) == whole)
            }
        }
        #expect(Self.read(Self.stream, cuts: Array(1..<Self.stream.count)) == whole)
    }

    @Test("a fault is found wherever the bytes are cut")
    func faults() {
        for text in ["GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n", "GET / HTTP/1.1\nHost: h\r\n\r\n", "\u{16}\u{3}\u{1}"] {
            let bytes = Array(text.utf8)
            for first in 0..<bytes.count { #expect(Self.read(bytes, cuts: [first]).fault == .malformed) }
        }
    }

    @Test("a head has the limit's size and no byte more, trailers as well")
    func headLimit() {
        let head = "GET / HTTP/1.1\r\nHost: h\r\nX: "
        let space = 1000 - head.utf8.count - 4
        for (filler, isAllowed) in [(space, true), (space + 1, false)] {
            let bytes = Array((head + String(repeating: "x", count: filler) + "\r\n\r\n").utf8)
            for cuts in [[], [500], Array(1..<bytes.count)] {
                #expect(Self.read(bytes, cuts: cuts, maximumHead: 1000).fault == (isAllowed ? nil : .tooLarge))
            }
        }
        let start = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        for (filler, isAllowed) in [(1000 - 3 - 4, true), (1000 - 3 - 3, false)] {
            let bytes = Array((start + "X: " + String(repeating: "x", count: filler) + "\r\n\r\n").utf8)
            #expect(Self.read(bytes, cuts: [], maximumHead: 1000).fault == (isAllowed ? nil : .tooLarge))
        }
    }

    @Test("no more than a thousand fields")
    func fieldCount() {
        for (count, fault) in [(999, nil), (1000, HTTP1Fault.tooLarge)] {
            let text = "GET / HTTP/1.1\r\n" + String(repeating: "a:\r\n", count: count) + "Host: h\r\n\r\n"
            // Host is no field, but is counted as a line is: the last one finds the place taken.
            #expect(Self.read(Array(text.utf8), cuts: []).fault == fault)
        }
    }

    @Test("a head that comes again is the same, also behind other ones and cut anywhere; one that differs is read anew")
    func again() {
        func request(_ path: String, _ body: String) -> String {
            "POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let texts = [
            request("/a", "one"), request("/a", "two"), request("/a", "three"), request("/b", "four!"),
            "\r\n" + request("/b", "five!"), request("/b", "six.."),
        ]
        let bytes = Array(texts.joined().utf8)
        let ends = texts.indices.map { texts[...$0].joined().utf8.count }.dropLast()
        for cuts in [[], Array(ends)] + bytes.indices.dropFirst().map({ [$0] }) {
            let read = Self.read(bytes, cuts: cuts)
            #expect(read.fault == nil)
            #expect(read.requests.map(\.path) == ["/a", "/a", "/a", "/b", "/b", "/b"])
            #expect(
                read.bodies.map { String(decoding: $0, as: UTF8.self) }
                    == ["one", "two", "three", "four!", "five!", "six.."])
        }
    }

    @Test("chunk extensions are bounded over the whole body")
    func extensions() {
        let start = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        for (count, fault) in [(4096, nil), (4097, HTTP1Fault.tooLarge)] {
            let text = start + String(repeating: "1;abcd\r\nx\r\n", count: count)
            #expect(Self.read(Array(text.utf8), cuts: []).fault == fault)
        }
    }

    @Test("a head, a trailer or a chunk that comes byte by byte costs no more time for being long")
    func drip() {
        let long = String(repeating: "x", count: 60_000)
        let heads = "GET / HTTP/1.1\r\nHost: h\r\nX: \(long)\r\n\r\n"
        let trailers = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: \(long)\r\n\r\n"
        for text in [heads, trailers] {
            let bytes = Array(text.utf8)
            let clock = ContinuousClock()
            let all = clock.measure { #expect(Self.read(bytes, cuts: Array(1..<bytes.count)).requests.count == 1) }
            // Reading anew with each byte would look at 1.8 thousand million bytes.
            #expect(all < .seconds(5))
        }
    }
}
