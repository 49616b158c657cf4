import TestSupport
import Testing
import Transport

@testable import HTTP

/// RFC 9113, 8: what makes a request malformed, as frames that no library sends.
@Suite("Malformed requests over HTTP/2", .serialized, .timeLimit(.minutes(5)))
struct HTTP2RulesTests {
    typealias Wire = HTTP2Wire

    /// What the server makes of a request of the test's own bytes: the code of the stream's or connection's end, or the
    /// status (`nil` for those that HPACK's table has no number for).
    private enum Outcome: Equatable {
        case status(Int?)
        case reset(HTTP2ErrorCode)
        case goAway(HTTP2ErrorCode)
        case nothing
    }

    private static func outcome(of bytes: [UInt8]) async -> Outcome {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(client: nil, on: loop, echo)
            defer { pair.close(on: loop) }
            _ = await pair.frames(on: loop)
            pair.send(bytes, on: loop)
            let frames = await pair.frames(on: loop)
            if let last = frames.first(where: { $0.is(.goAway) }) { return .goAway(last.code ?? .noError) }
            if let reset = frames.first(where: { $0.is(.reset) }) { return .reset(reset.code ?? .noError) }
            guard let head = frames.first(where: { $0.is(.headers) }) else { return .nothing }
            let indexed: [UInt8: Int] = [0x88: 200, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500]
            return .status(head.payload.first.flatMap { indexed[$0] })
        }
    }

    private static let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "test"), (":path", "/")]

    @Test("an ordinary request of raw frames is answered")
    func ordinary() async {
        #expect(await Self.outcome(of: Wire.headers(1, Self.pseudo, end: true)) == .status(200))
    }

    @Test(
        "lengths that disagree with the body reset the stream",
        arguments: [
            ("5", [UInt8]("four".utf8)), ("3", [UInt8]("four".utf8)), ("0", [1]), ("1", []), ("-1", [1]), ("x", [1]),
            ("99999999999999999999", [1]),
        ])
    func lengths(length: String, body: [UInt8]) async {
        let bytes =
            Wire.request(1, method: "POST", with: [("content-length", length)], end: false)
            + Wire.data(1, body, end: true)
        #expect(await Self.outcome(of: bytes) == .reset(.protocolError))
        let atOnce = Wire.request(1, method: "POST", with: [("content-length", "1")], end: true)
        #expect(await Self.outcome(of: atOnce) == .reset(.protocolError))
    }

    @Test("two lengths reset the stream")
    func twoLengths() async {
        let twice = [("content-length", "1"), ("content-length", "1")]
        let bytes = Wire.request(1, method: "POST", with: twice, end: false) + Wire.data(1, [1], end: true)
        #expect(await Self.outcome(of: bytes) == .reset(.protocolError))
    }

    @Test("the right length is fine, and so is none")
    func rightLength() async {
        for fields in [[("content-length", "4")], []] {
            let bytes =
                Wire.request(1, method: "POST", with: fields, end: false) + Wire.data(1, [1, 2])
                + Wire.data(1, [3, 4], end: true)
            #expect(await Self.outcome(of: bytes) == .status(200))
        }
    }

    @Test(
        "malformed authorities are refused",
        arguments: [
            "user@test", "user:pw@test", "te st", "", "test:http", "test:99999", "test:1:2", "[::1", "::1", "[]", "[1]",
            "test/path", "test?x", "test#x", "test\\x", "a%zz", ":80",
        ])
    func authorities(authority: String) async {
        let fields = Self.pseudo.map { $0.0 == ":authority" ? ($0.0, authority) : $0 }
        let outcome = await Self.outcome(of: Wire.headers(1, fields, end: true))
        #expect(outcome == .status(400) || outcome == .reset(.protocolError), "\(authority): \(outcome)")
    }

    @Test(
        "proper authorities are taken",
        arguments: ["test", "TEST:80", "192.0.2.1:8008", "[::1]", "[::1]:8008", "a_b.c"])
    func properAuthorities(authority: String) async {
        let fields = Self.pseudo.map { $0.0 == ":authority" ? ($0.0, authority) : $0 }
        #expect(await Self.outcome(of: Wire.headers(1, fields, end: true)) == .status(200))
    }

    @Test("Host must say what :authority says, and may stand alone")
    func host() async {
        let without = Self.pseudo.filter { $0.0 != ":authority" }
        #expect(await Self.outcome(of: Wire.headers(1, Self.pseudo + [("host", "other")], end: true)) == .status(400))
        #expect(await Self.outcome(of: Wire.headers(1, Self.pseudo + [("host", "test:80")], end: true)) == .status(400))
        #expect(await Self.outcome(of: Wire.headers(1, Self.pseudo + [("host", "TEST")], end: true)) == .status(200))
        #expect(await Self.outcome(of: Wire.headers(1, without + [("host", "test")], end: true)) == .status(200))
        #expect(await Self.outcome(of: Wire.headers(1, without, end: true)) == .reset(.protocolError))
        let two = without + [("host", "test"), ("host", "test")]
        #expect(await Self.outcome(of: Wire.headers(1, two, end: true)) == .reset(.protocolError))
    }

    @Test(
        "fields that belong to a connection, or are none, reset the stream",
        arguments: [
            ("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"), ("te", "gzip"), ("X-Upper", "1"), ("bad name", "1"), ("bad\u{7F}", "1"), ("", "1"),
            ("x-a", "line\r\nbreak"), ("x-a", "nul\0"), ("x-a", " leading"), ("x-a", "trailing "), (":unknown", "1"),
            (":path", "/second"), (":method", "GET"), (":status", "200"),
        ])
    func fields(name: String, value: String) async {
        let outcome = await Self.outcome(of: Wire.headers(1, Self.pseudo + [(name, value)], end: true))
        #expect(outcome == .reset(.protocolError))
    }

    @Test("white space around metadata of gRPC is taken, as agents' secrets may have some")
    func paddedMetadata() async {
        let fields =
            Self.pseudo + [("content-type", "application/grpc"), ("client-secret", " s "), ("client-uuid", " ")]
        #expect(await Self.outcome(of: Wire.headers(1, fields, end: true)) == .status(200))
        for (type, isTaken) in [
            ("application/grpc+proto", true), ("application/grpc;a=b", true), ("application/grpc-web", false),
            ("application/grpcx", false),
        ] {
            let outcome = await Self.outcome(
                of: Wire.headers(1, Self.pseudo + [("content-type", type), ("x-a", " b")], end: true))
            #expect(outcome == (isTaken ? .status(200) : .reset(.protocolError)), "\(type)")
        }
    }

    @Test("a pseudo field that is missing, empty or late resets the stream")
    func pseudoFields() async {
        for name in [":method", ":scheme", ":path"] {
            let missing = Self.pseudo.filter { $0.0 != name }
            #expect(await Self.outcome(of: Wire.headers(1, missing, end: true)) == .reset(.protocolError))
            let late = missing + [("x-a", "1")] + Self.pseudo.filter { $0.0 == name }
            #expect(await Self.outcome(of: Wire.headers(1, late, end: true)) == .reset(.protocolError))
        }
        for path in ["", "no/slash", "*"] {
            let fields = Self.pseudo.map { $0.0 == ":path" ? ($0.0, path) : $0 }
            #expect(await Self.outcome(of: Wire.headers(1, fields, end: true)) == .reset(.protocolError))
        }
    }

    @Test("targets that HTTP/1 does not take either, and other schemes, are refused")
    func targets() async {
        for (name, value) in [(":path", "/a b"), (":path", "/caf\u{E9}"), (":scheme", "ftp"), (":scheme", "")] {
            let fields = Self.pseudo.map { $0.0 == name ? ($0.0, value) : $0 }
            let outcome = await Self.outcome(of: Wire.headers(1, fields, end: true))
            #expect(outcome == .status(400) || outcome == .reset(.protocolError), "\(name) \(value): \(outcome)")
        }
    }

    @Test("trailers with pseudo fields, or without an end, reset the stream; proper ones are taken")
    func trailers() async {
        let start = Wire.request(1, method: "POST", end: false) + Wire.data(1, [1])
        let proper = start + Wire.headers(1, [("x-trailer", "1")], end: true)
        #expect(await Self.outcome(of: proper) == .status(200))
        let pseudo = start + Wire.headers(1, [(":path", "/")], end: true)
        #expect(await Self.outcome(of: pseudo) == .reset(.protocolError))
        let open = start + Wire.headers(1, [("x-trailer", "1")], end: false)
        #expect(await Self.outcome(of: open) == .reset(.protocolError))
        let long = String(repeating: "v", count: 8000)
        let tooMany = start + Wire.headers(1, (0..<9).map { ("x-\($0)", long) }, end: true)
        #expect(await Self.outcome(of: tooMany) == .reset(.protocolError))
    }

    @Test("CONNECT is not offered")
    func connect() async {
        let bytes = Wire.headers(1, [(":method", "CONNECT"), (":authority", "test:443")], end: true)
        #expect(await Self.outcome(of: bytes) == .status(nil))
    }

    @Test("64 KiB of fields are taken, more are refused, and the connection goes on")
    func headerList() async {
        await EventLoop.shared.run { loop in
            let sizes = Lock<[Int]>([])
            let pair = HTTP2Pair(client: nil, on: loop) { request in
                sizes.withLock { $0.append(request.head.headerFields.reduce(0) { $0 + $1.value.utf8.count }) }
                return .empty(.ok)
            }
            defer { pair.close(on: loop) }
            _ = await pair.frames(on: loop)
            let value = String(repeating: "v", count: 8000)
            func fields(_ count: Int) -> [(String, String)] { (0..<count).map { ("x-\($0)", value) } }
            pair.send(HTTP2Wire.request(1, with: fields(8)), on: loop)
            pair.send(HTTP2Wire.request(3, with: fields(9)), on: loop)
            pair.send(HTTP2Wire.request(5, with: fields(20)), on: loop)
            pair.send(HTTP2Wire.request(7), on: loop)
            let frames = await pair.frames(on: loop)
            #expect(!frames.contains { $0.is(.goAway) })
            let answered = Set(frames.filter { $0.is(.headers) && $0.endsStream }.map(\.stream))
            #expect(answered == [1, 3, 5, 7])
            #expect(sizes.withLock { $0 }.sorted() == [0, 64000])
        }
    }

    @Test("a block of fields far above what is kept ends the connection, as do endless CONTINUATIONs")
    func endlessBlocks() async {
        let fields = (0..<31).map { ("x-\($0)", String(repeating: "v", count: 8000)) }
        let once = Wire.headers(1, Self.pseudo + fields, end: true, endsHeaders: false)
        #expect(await Self.outcome(of: once + Wire.frame(.continuation, 4, 1, [])) == .status(nil), "248 KB: 431")
        let more = once + Wire.frame(.continuation, 4, 1, Wire.block(Array(fields.prefix(2))))
        #expect(await Self.outcome(of: more) == .goAway(.enhanceYourCalm), "264 KB")
        let one = Wire.headers(1, Self.pseudo + [("x-a", String(repeating: "v", count: 65 << 10))], end: true)
        #expect(await Self.outcome(of: one) == .goAway(.compressionError), "nghttp2 takes no field of 64 KiB")
        let start = Wire.headers(1, Self.pseudo, end: true, endsHeaders: false)
        let small = Wire.frame(.continuation, 0, 1, [])
        for (count, outcome) in [(7, Outcome.status(200)), (8, .goAway(.enhanceYourCalm))] {
            let bytes = start + Array(repeating: small, count: count).joined() + Wire.frame(.continuation, 4, 1, [])
            #expect(await Self.outcome(of: bytes) == outcome)
        }
    }

    @Test("what breaks the connection's rules ends it with a word")
    func violations() async {
        #expect(await Self.outcome(of: Wire.data(1, [1])) == .goAway(.protocolError), "DATA on an idle stream")
        #expect(await Self.outcome(of: Wire.headers(2, Self.pseudo, end: true)) == .goAway(.protocolError), "even id")
        #expect(await Self.outcome(of: Wire.window(0, 0)) == .goAway(.protocolError), "increment 0")
        let past = Wire.window(0, 0x7FFF_FFFF)
        #expect(await Self.outcome(of: past) == .goAway(.flowControlError), "window past 2^31")
        #expect(await Self.outcome(of: Wire.frame(.ping, 0, 0, [1])) == .goAway(.frameSizeError))
        #expect(await Self.outcome(of: Wire.frame(.push, 4, 1, [0, 0, 0, 2])) == .goAway(.protocolError))
        #expect(
            await Self.outcome(of: Wire.frame(.headers, 5, 1, [0xFF, 0xFF, 0xFF, 0xFF])) == .goAway(.compressionError))
        let tooLarge: [UInt8] = [0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 1]
        #expect(await Self.outcome(of: tooLarge) == .goAway(.frameSizeError))
    }

    @Test("garbage instead of the preface ends the connection")
    func garbage() async {
        await EventLoop.shared.run { loop in
            let transport = MemoryTransport()
            let server = HTTP2Connection(
                over: transport, HTTP2ServerConfiguration.patient(entry: echo), peer: nil, isSecure: false, on: loop)
            transport.attach(server)
            transport.receive("GET / HTTP/1.1\r\nHost: no preface\r\n\r\n", on: loop)
            for _ in 0..<3 { await loop.turn() }
            #expect(transport.hasFinishedSending)
            #expect(HTTP2Wire.parse(transport.takeSent()).last?.code == .protocolError)
            transport.receiveEnd(on: loop)
            #expect(transport.isClosed)
        }
    }
}
