import TestSupport
import Testing

@testable import HTTP

@Suite("Responses as the client reads them")
struct HTTP1ResponseReaderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var text: String
        var status: Int
        var reason: String
        var body: String
        /// The service closes behind it.
        var closes = false
        var testDescription: String { String(text.prefix(60)) }
    }

    static let whole: [Case] = [
        Case(text: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", status: 200, reason: "OK", body: "hello"),
        Case(
            text: "HTTP/1.1 200 Fine\r\n\r\nuntil the end", status: 200, reason: "OK", body: "until the end",
            closes: true),
        Case(text: "HTTP/1.0 404 Nope\r\nContent-Length: 0\r\n\r\n", status: 404, reason: "Not Found", body: ""),
        Case(text: "HTTP/1.1 299 Own words\r\nContent-Length: 0\r\n\r\n", status: 299, reason: "Own words", body: ""),
        Case(text: "HTTP/1.1 204\r\n\r\n", status: 204, reason: "No Content", body: ""),
        Case(
            text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"
                + "Content-Length: 2\r\n\r\nok", status: 200, reason: "OK", body: "ok"),
        Case(
            text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nA: b\r\n\r\n",
            status: 200, reason: "OK", body: "abcde"),
        Case(
            text: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", status: 200, reason: "OK",
            body: "ok"),
    ]

    @Test("a response is the same in one piece and byte by byte", arguments: whole)
    func reads(_ expected: Case) throws {
        for size in [Int.max, 1, 3] {
            var reader = HTTP1ResponseReader(bodyLimit: 1000)
            var rest = Array(expected.text.utf8)[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(size))
                rest = rest.dropFirst(piece.count)
                try reader.receive(piece.span)
            }
            #expect(reader.hasEnded == !expected.closes)
            try reader.end()
            #expect(reader.hasEnded)
            #expect(reader.response.status.code == expected.status)
            #expect(reader.response.status.reasonPhrase == expected.reason)
            #expect(String(decoding: reader.body, as: UTF8.self) == expected.body)
        }
    }

    @Test(
        "of a body no more than its limit is kept, and all of it is read",
        arguments: [(0, ""), (3, "hel"), (5, "hello")])
    func keeps(_ limit: Int, _ kept: String) throws {
        var reader = HTTP1ResponseReader(bodyLimit: limit)
        try reader.receive(Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8).span)
        #expect(reader.hasEnded)
        #expect(reader.body == Array(kept.utf8))
    }

    @Test("behind a 101 that was asked for all bytes are kept as they come, whatever the limit of a body")
    func switched() throws {
        let text = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Go\r\nUpgrade: websocket\r\n\r\n\u{1}\r\nraw"
        for size in [Int.max, 1, 3] {
            var reader = HTTP1ResponseReader(bodyLimit: 2, mayBeSwitched: true)
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let piece = Array(rest.prefix(size))
                rest = rest.dropFirst(piece.count)
                try reader.receive(piece.span)
            }
            #expect(reader.isSwitched)
            #expect(reader.hasHead)
            #expect(reader.response.headerFields[.upgrade] == "websocket")
            #expect(reader.takeBody() == Array("\u{1}\r\nraw".utf8))
        }
    }

    @Test(
        "what is no response is refused",
        arguments: [
            "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
            "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\n\n",
            "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        ])
    func refuses(_ text: String) {
        var reader = HTTP1ResponseReader(bodyLimit: 10)
        #expect(throws: HTTP1Fault.self) { try reader.receive(Array(text.utf8).span) }
    }

    @Test(
        "a response that ends in the middle is none",
        arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"])
    func endsEarly(_ text: String) throws {
        var reader = HTTP1ResponseReader(bodyLimit: 10)
        try reader.receive(Array(text.utf8).span)
        #expect(throws: HTTP1Fault.self) { try reader.end() }
    }

    @Test("a head of 64 KiB is taken, a larger one refused", arguments: [(0, true), (1, false)])
    func headLimit(_ more: Int, _ isTaken: Bool) {
        let start = "HTTP/1.1 200 OK\r\nX: "
        let filler = String(repeating: "a", count: (64 << 10) - start.utf8.count - 4 + more)
        var reader = HTTP1ResponseReader(bodyLimit: 10)
        let outcome = Result { try reader.receive(Array((start + filler + "\r\n\r\n").utf8).span) }
        #expect(((try? outcome.get()) != nil) == isTaken)
    }
}
