import Testing

@testable import HTTP

@Suite("Raw requests of HTTP/1.1 (RFC 9112)", .timeLimit(.minutes(5)))
struct RawRequestTests {
    /// One exchange on a connection of its own.
    struct Case: Sendable, CustomTestStringConvertible {
        var what: String
        var bytes: [UInt8]
        /// The codes of all answers, in order.
        var codes: [Int]
        /// Whether the connection goes on.
        var goesOn: Bool
        /// Something that the answers contain.
        var contains: String?
        var testDescription: String { what }

        init(_ what: String, _ text: String, _ codes: Int..., goesOn: Bool = false, contains: String? = nil) {
            self.what = what
            bytes = Array(text.utf8)
            self.codes = codes
            self.goesOn = goesOn
            self.contains = contains
        }
    }

    /// A request with these lines after its first one, and another one behind it.
    private static func request(_ lines: String..., method: String = "GET", body: String = "") -> String {
        (["\(method) /x HTTP/1.1"] + lines).joined(separator: "\r\n") + "\r\n\r\n" + body + next
    }

    private static let next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"

    private static func chunked(_ body: String) -> String {
        request("Host: h", "Transfer-Encoding: chunked", method: "POST", body: body)
    }

    static let firstLines: [Case] = [
        Case(
            "as it should be", "GET /x HTTP/1.1\r\nHost: h\r\n\r\n" + next, 200, 200, goesOn: true,
            contains: "GET /x h |"),
        Case("empty lines before", "\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", 200, goesOn: true),
        Case("two spaces before the target", "GET  /x HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("two spaces before the version", "GET /x  HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("a tab", "GET\t/x HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("a space before the method", " GET /x HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("a space at the end", "GET /x HTTP/1.1 \r\nHost: h\r\n\r\n" + next, 400),
        Case("a space in the target", "GET /x y HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("no version", "GET /x\r\nHost: h\r\n\r\n" + next, 400),
        Case("no target", "GET HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("HTTP/1.2", "GET /x HTTP/1.2\r\nHost: h\r\n\r\n", 200, goesOn: true),
        Case("HTTP/2.0", "GET /x HTTP/2.0\r\nHost: h\r\n\r\n" + next, 505),
        Case("HTTP/0.9", "GET /x HTTP/0.9\r\nHost: h\r\n\r\n" + next, 505),
        Case("small letters", "GET /x http/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("HTTP/11", "GET /x HTTP/11\r\nHost: h\r\n\r\n" + next, 400),
        Case("HTTP/1.10", "GET /x HTTP/1.10\r\nHost: h\r\n\r\n" + next, 400),
        Case("another method", "BREW /x HTTP/1.1\r\nHost: h\r\n\r\n", 200, goesOn: true, contains: "BREW /x"),
        Case("a method that is no token", "GE(T /x HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n" + next, 501),
        Case("bare line feeds", "GET /x HTTP/1.1\nHost: h\n\n" + next, 400),
        Case("a bare line feed at the end", "GET /x HTTP/1.1\r\nHost: h\r\n\n" + next, 400),
        Case("a bare carriage return", "GET /x\rHTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("a NUL in the target", "GET /x\u{0} HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("UTF-8 in the target", "GET /ä HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case(
            "absolute form", "GET http://other:81/a?b HTTP/1.1\r\nHost: h\r\n\r\n", 200, goesOn: true,
            contains: "GET /a?b other:81 |"),
        Case(
            "absolute form without path", "GET HTTP://other HTTP/1.1\r\nHost: h\r\n\r\n", 200, goesOn: true,
            contains: "GET / other |"),
        Case(
            "absolute form, query only", "GET http://other?q HTTP/1.1\r\nHost: h\r\n\r\n", 200, goesOn: true,
            contains: "GET /?q other |"),
        Case("absolute form without host", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("absolute form with a user", "GET http://u@other/ HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("absolute form, no Host", "GET http://other/ HTTP/1.1\r\n\r\n" + next, 400),
        Case("another scheme", "GET ftp://other/ HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case("a relative target", "GET x HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
        Case(
            "the server as a whole", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200, goesOn: true, contains: "OPTIONS * h"
        ),
        Case("a star for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n" + next, 400),
    ]

    static let fields: [Case] = [
        Case("no Host", request(), 400),
        Case("two Hosts", request("Host: h", "Host: h"), 400),
        Case("an empty Host", request("Host:"), 200, 200, goesOn: true),
        Case("a Host with a port", request("Host: h:8080"), 200, 200, goesOn: true, contains: "GET /x h:8080 |"),
        Case("a Host in brackets", request("Host: [::1]:80"), 200, 200, goesOn: true),
        Case("a Host with a space", request("Host: a b"), 400),
        Case("two names in a Host", request("Host: a, b"), 400),
        Case("a Host with a path", request("Host: h/x"), 400),
        Case("a Host with a user", request("Host: u@h"), 400),
        Case("a Host with a letter for a port", request("Host: h:a"), 400),
        Case("a Host with two ports", request("Host: h:1:2"), 400),
        Case("a Host with too large a port", request("Host: h:65536"), 400),
        Case("a Host with a port only", request("Host: :80"), 400),
        Case("a Host with half a bracket", request("Host: [::1"), 400),
        Case("a Host with no address in brackets", request("Host: [h]"), 400),
        Case("a Host with eight colons", request("Host: [:::::::]"), 400),
        Case("a Host with nine groups", request("Host: [1:2:3:4:5:6:7:8:9]"), 400),
        Case("a Host with two gaps", request("Host: [::1::]"), 400),
        Case("a Host with a number above 255", request("Host: [::256.1.1.1]"), 400),
        Case("a Host with a zone", request("Host: [fe80::1%25eth0]"), 400),
        Case("a Host with IPv4 in IPv6", request("Host: [::ffff:1.2.3.4]"), 200, 200, goesOn: true),
        Case("a Host with a broken escape", request("Host: h%4"), 400),
        Case("white space around a value", request("Host: \t h \t "), 200, 200, goesOn: true, contains: "GET /x h |"),
        Case("a space before the colon", request("Host: h", "X : y"), 400),
        Case("a name with a space", request("Host: h", "X Y: z"), 400),
        Case("no name", request("Host: h", ": y"), 400),
        Case("no colon", request("Host: h", "X"), 400),
        Case("a name that is no token", request("Host: h", "X(: y"), 400),
        Case("a folded line", request("Host: h", "X: y", " z"), 400),
        Case("a folded line with a tab", request("Host: h", "X: y", "\tz"), 400),
        Case("a folded first line", request(" Host: h"), 400),
        Case("a carriage return in a value", request("Host: h", "X: y\rz"), 400),
        Case("a NUL in a value", request("Host: h", "X: y\u{0}z"), 400),
        Case("an escape in a value", request("Host: h", "X: y\u{1B}[2J"), 400),
        Case("a DEL in a value", request("Host: h", "X: y\u{7F}"), 400),
        Case("UTF-8 in a value", request("Host: h", "X: ä"), 200, 200, goesOn: true),
        Case("an empty value", request("Host: h", "X:"), 200, 200, goesOn: true),
    ]

    static let lengths: [Case] = [
        Case(
            "a length", request("Host: h", "Content-Length: 3", body: "abc"), 200, 200, goesOn: true, contains: "abc|"),
        Case("two lengths", request("Host: h", "Content-Length: 3", "Content-Length: 4", body: "abc"), 400),
        Case("the same length twice", request("Host: h", "Content-Length: 3", "Content-Length: 3", body: "abc"), 400),
        Case("the same length twice in one", request("Host: h", "Content-Length: 3, 3", body: "abc"), 400),
        Case("a length with a sign", request("Host: h", "Content-Length: +3", body: "abc"), 400),
        Case("a negative length", request("Host: h", "Content-Length: -3", body: "abc"), 400),
        Case("a length in hexadecimal", request("Host: h", "Content-Length: 0x3", body: "abc"), 400),
        Case("a length with a point", request("Host: h", "Content-Length: 3.0", body: "abc"), 400),
        Case("a length with a space", request("Host: h", "Content-Length: 3 0", body: "abc"), 400),
        Case("an empty length", request("Host: h", "Content-Length:", body: "abc"), 400),
        Case("a length of 2^63", request("Host: h", "Content-Length: 9223372036854775808"), 400),
        Case("a length of 20 digits", request("Host: h", "Content-Length: 00000000000000000003", body: "abc"), 400),
        Case(
            "a length and chunks", request("Host: h", "Content-Length: 3", "Transfer-Encoding: chunked", body: "abc"),
            400),
        Case(
            "chunks and a length", request("Host: h", "Transfer-Encoding: chunked", "Content-Length: 3", body: "abc"),
            400),
        Case(
            "chunked in any case", request("Host: h", "Transfer-Encoding: Chunked", body: "0\r\n\r\n"), 200, 200,
            goesOn: true),
        Case("another coding", request("Host: h", "Transfer-Encoding: gzip", body: "0\r\n\r\n"), 501),
        Case("identity", request("Host: h", "Transfer-Encoding: identity", body: "0\r\n\r\n"), 501),
        Case("stacked codings", request("Host: h", "Transfer-Encoding: gzip, chunked", body: "0\r\n\r\n"), 501),
        Case("chunked twice", request("Host: h", "Transfer-Encoding: chunked, chunked", body: "0\r\n\r\n"), 501),
        Case(
            "chunked in two fields", request("Host: h", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 501
        ),
        Case("chunked with a parameter", request("Host: h", "Transfer-Encoding: chunked;a=b"), 501),
        Case("an empty coding", request("Host: h", "Transfer-Encoding:", body: "0\r\n\r\n"), 501),
        Case("quoted chunked", request("Host: h", "Transfer-Encoding: \"chunked\""), 501),
    ]

    static let chunks: [Case] = [
        Case("chunks", chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 200, 200, goesOn: true, contains: "abcde|"),
        Case("sizes in any case", chunked("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), 200, 200, goesOn: true),
        Case("zeros before a size", chunked("0003\r\nabc\r\n000\r\n\r\n"), 200, 200, goesOn: true, contains: " abc|"),
        Case("extensions", chunked("3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n"), 200, 200, goesOn: true, contains: " abc|"),
        Case("white space before an extension", chunked("3 \t;a\r\nabc\r\n0\r\n\r\n"), 200, 200, goesOn: true),
        Case("white space after a size", chunked("3 \r\nabc\r\n0\r\n\r\n"), 400, contains: "broken|"),
        Case("no size", chunked("\r\nabc\r\n0\r\n\r\n"), 400),
        Case("a size with a sign", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400),
        Case("a size with 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400),
        Case("a size of 2^63", chunked("8000000000000000"), 400),
        Case("a size of 2^64 + 3", chunked("10000000000000003\r\nabc"), 400),
        Case("a size of 33 zeros", chunked("000000000000000000000000000000000"), 400),
        Case("a longer chunk than its size", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400),
        Case("a bare line feed after a size", chunked("3\nabc\r\n0\r\n\r\n"), 400),
        Case("a bare line feed after a chunk", chunked("3\r\nabc\n0\r\n\r\n"), 400),
        Case("a line feed in an extension", chunked("3;a\nb\r\nabc\r\n0\r\n\r\n"), 400),
        Case("a carriage return in an extension", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400),
        Case("an endless extension", chunked("3;" + String(repeating: "a", count: 17000)), 400),
        Case(
            "trailers", chunked("3\r\nabc\r\n0\r\nX: y\r\nHost: z\r\n\r\n"), 200, 200, goesOn: true,
            contains: "POST /x h abc|"),
        Case("a trailer that is none", chunked("0\r\nX y\r\n\r\n"), 400),
        Case("a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n"), 400),
        Case("endless trailers", chunked("0\r\nX: " + String(repeating: "a", count: 66000)), 400),
        Case("no line after the last chunk", chunked("0\r\n"), 400),
    ]

    static let olds: [Case] = [
        Case("HTTP/1.0", "GET /x HTTP/1.0\r\n\r\n" + next, 200, contains: "GET /x - |"),
        Case("HTTP/1.0 with Host", "GET /x HTTP/1.0\r\nHost: h\r\n\r\n" + next, 200, contains: "Connection: close\r\n"),
        Case("HTTP/1.0 with two", "GET /x HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n" + next, 400),
        Case(
            "HTTP/1.0 kept", "GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n" + next, 200, 200, goesOn: true,
            contains: "Connection: keep-alive\r\n"),
        Case("HTTP/1.0 kept and not", "GET /x HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n" + next, 200),
        Case("HTTP/1.0 with a length", "POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", 200, contains: "hi|"),
        Case("HTTP/1.0 with chunks", "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        Case("HTTP/1.0 with another coding", "POST /x HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        Case("HTTP/1.0 that expects", "POST /x HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nhi", 200),
        Case("a list with close", request("Host: h", "Connection: foo, Close"), 200),
        Case("two fields, one of them close", request("Host: h", "Connection: foo", "Connection: close"), 200),
        Case("closed as a part of a word", request("Host: h", "Connection: closed"), 200, 200, goesOn: true),
    ]

    @Test("first lines", arguments: firstLines)
    func firstLine(of test: Case) async { await check(test) }

    @Test("fields", arguments: fields)
    func field(of test: Case) async { await check(test) }

    @Test("lengths and codings", arguments: lengths)
    func length(of test: Case) async { await check(test) }

    @Test("chunks", arguments: chunks)
    func chunk(of test: Case) async { await check(test) }

    @Test("HTTP/1.0 and connections that end", arguments: olds)
    func old(of test: Case) async { await check(test) }

    private func check(_ test: Case) async {
        for pieces in test.bytes.count < 2000 ? [Int.max, 1, 7] : [Int.max, 1000] {
            let (text, isOver) = await HTTP1Peer.answers(to: test.bytes, pieces: pieces, entry: Self.entry)
            #expect(Self.codes(in: text) == test.codes, "\(text)")
            #expect(isOver == !test.goesOn)
            if let part = test.contains { #expect(text.contains(part), "\(text)") }
        }
    }

    /// As ``mirror(_:)``, but a body that cannot be read is the client's fault.
    private static let entry: HTTPEntry = { request in
        do {
            let body = try await request.body.collect(upTo: 1 << 20)
            var again = request
            again.body = RequestBody.once(body)
            return await mirror(again)
        } catch {
            return .text(.badRequest, "broken|")
        }
    }

    private static func codes(in text: String) -> [Int] {
        text.split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
    }
}

extension RequestBody {
    /// A body that comes in one piece.
    static func once(_ bytes: [UInt8]) -> RequestBody {
        let given = Given(bytes)
        return RequestBody { await given.take() }
    }

    private actor Given {
        private var bytes: [UInt8]?

        init(_ bytes: [UInt8]) { self.bytes = bytes.isEmpty ? nil : bytes }

        func take() -> [UInt8]? {
            defer { bytes = nil }
            return bytes
        }
    }
}
