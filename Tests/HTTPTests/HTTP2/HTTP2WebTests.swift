import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Web requests over HTTP/2", .serialized, .timeLimit(.minutes(5)))
struct HTTP2WebTests {
    private static func text(_ text: String, _ status: HTTPResponse.Status = .ok) -> OutboundResponse {
        .text(status, text)
    }

    @Test("a request reaches the entry as one of HTTP/1 does, and its answer the client")
    func request() async {
        await EventLoop.shared.run { loop in
            let seen = Lock<InboundRequest?>(nil)
            let pair = HTTP2Pair(on: loop) { request in
                seen.withLock { $0 = request }
                return Self.text("hello")
            }
            defer { pair.close(on: loop) }
            let answer = pair.request(
                "/a?b=c", [HTTPField.Name("X-Test")!: "1", .cookie: "a=1", .cookie: "b=2"], on: loop)
            await pair.exchange(on: loop)
            #expect(answer.head?.status == .ok)
            #expect(answer.text == "hello")
            #expect(answer.head?.headerFields[.contentLength] == "5")
            #expect(answer.head?.headerFields[.date] != nil)
            #expect(answer.hasEnded)
            #expect(answer.isClosed)
            #expect(answer.failure == nil)
            let request = seen.withLock { $0 }
            #expect(request?.head.method == .get)
            #expect(request?.head.authority == "test")
            #expect(request?.head.path == "/a?b=c")
            #expect(request?.head.headerFields[.cookie] == "a=1; b=2")
            #expect(request?.head.headerFields[HTTPField.Name("x-test")!] == "1")
            #expect(request?.client.peer == "192.0.2.1")
            #expect(request?.isSecure == false)
        }
    }

    @Test("many requests at once are each answered")
    func many() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(on: loop) { request in
                try? await EventLoop.shared.sleep(milliseconds: 1)
                return Self.text(request.head.path ?? "")
            }
            defer { pair.close(on: loop) }
            let answers = (0..<1000).map { pair.request("/\($0)", on: loop) }
            #expect(await pair.exchange(on: loop) { answers.allSatisfy { $0.isClosed } })
            #expect(answers.enumerated().allSatisfy { $1.text == "/\($0)" && $1.failure == nil })
        }
    }

    @Test("a body of 20 MiB goes both ways", arguments: [1 << 20, 20 << 20])
    func largeBody(size: Int) async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(on: loop, echo)
            defer { pair.close(on: loop) }
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 7) }
            let answer = pair.request(method: .post, [.contentLength: "\(size)"], body: body, on: loop)
            #expect(await pair.exchange(on: loop) { answer.isClosed })
            #expect(answer.body == body)
            #expect(answer.failure == nil)
        }
    }

    @Test("a streamed answer of unknown length, of the announced one, and of none")
    func streamed() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(on: loop) { request in
                let length: Int64? = request.head.path == "/known" ? 9 : nil
                let isEmpty = request.head.path == "/empty"
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: isEmpty ? 0 : length) { write in
                        for piece in isEmpty ? [] : ["one", "two", "six"] { try await write(Array(piece.utf8)) }
                    })
            }
            defer { pair.close(on: loop) }
            let answers = ["/known", "/unknown", "/empty"].map { pair.request($0, on: loop) }
            await pair.exchange(on: loop)
            #expect(answers.map(\.text) == ["onetwosix", "onetwosix", ""])
            #expect(answers.map { $0.head?.headerFields[.contentLength] } == ["9", nil, "0"])
            #expect(answers.allSatisfy { $0.isClosed && $0.failure == nil })
        }
    }

    @Test("a produced body that is too long, too short or fails breaks the stream, not the connection")
    func wrongLength() async {
        await EventLoop.shared.run { loop in
            struct Broken: Error {}
            let pair = HTTP2Pair(on: loop) { request in
                let path = request.head.path
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: 4) { write in
                        try await write(Array("one".utf8))
                        if path == "/long" { try await write(Array("two".utf8)) }
                        if path == "/broken" { throw Broken() }
                        if path == "/right" { try await write(Array("4".utf8)) }
                    })
            }
            defer { pair.close(on: loop) }
            let answers = ["/long", "/short", "/broken"].map { pair.request($0, on: loop) }
            await pair.exchange(on: loop)
            #expect(answers.allSatisfy { $0.failure == .reset(.internalError) })
            let right = pair.request("/right", on: loop)
            await pair.exchange(on: loop)
            #expect(right.text == "one4")
            #expect(right.failure == nil)
        }
    }

    @Test("HEAD, 204 and 304 have no body, and lengths only where they may")
    func withoutBody() async {
        await EventLoop.shared.run { loop in
            let produced = Lock(0)
            let pair = HTTP2Pair(on: loop) { request in
                switch request.head.path {
                case "/204": return .empty(.noContent)
                case "/304": return .empty(.notModified)
                case "/none": return .empty(.ok)
                case "/stream":
                    return OutboundResponse(
                        head: HTTPResponse(status: .ok),
                        body: .stream(length: 7) { write in
                            produced.withLock { $0 += 1 }
                            try await write([1])
                            produced.withLock { $0 += 100 }
                        })
                default: return Self.text("hello")
                }
            }
            defer { pair.close(on: loop) }
            let answers = [
                pair.request("/", method: .head, on: loop), pair.request("/stream", method: .head, on: loop),
                pair.request("/204", on: loop), pair.request("/304", on: loop), pair.request("/none", on: loop),
            ]
            await pair.exchange(on: loop)
            #expect(answers.allSatisfy { $0.isClosed && $0.failure == nil && $0.body.isEmpty })
            #expect(answers.map { $0.head?.headerFields[.contentLength] } == ["5", "7", nil, nil, "0"])
            #expect(produced.withLock { $0 } == 1, "called once, and its first write failed")
        }
    }

    @Test("fields of a connection of HTTP/1 are left out of answers")
    func connectionFields() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(on: loop) { _ in
                .empty(
                    .ok,
                    fields: [
                        .connection: "close", .keepAlive: "timeout=5", .transferEncoding: "chunked", .upgrade: "h3",
                        .proxyConnection: "close", HTTPField.Name("X-Kept")!: "yes",
                    ])
            }
            defer { pair.close(on: loop) }
            let answer = pair.request(on: loop)
            await pair.exchange(on: loop)
            #expect(
                Set(answer.head?.headerFields.map(\.name.canonicalName) ?? []) == ["x-kept", "content-length", "date"])
        }
    }

    @Test("a WebSocket is not offered: 500, and its run is called once")
    func webSocket() async {
        await EventLoop.shared.run { loop in
            let runs = Lock(0)
            let pair = HTTP2Pair(on: loop) { _ in
                let upgrade = WebSocketUpgrade(maxMessageSize: 1, pingInterval: .seconds(1)) { socket in
                    runs.withLock { $0 += 1 }
                    await #expect(throws: (any Error).self) { try await socket.receive() }
                    return .normal
                }
                return OutboundResponse(head: HTTPResponse(status: .switchingProtocols), body: .webSocket(upgrade))
            }
            defer { pair.close(on: loop) }
            let answer = pair.request(on: loop)
            #expect(await pair.exchange(on: loop) { answer.isClosed })
            #expect(answer.head?.status == .internalServerError)
            #expect(runs.withLock { $0 } == 1)
        }
    }

    @Test("a status that is none, and an interim one, break the stream")
    func impossibleStatus() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(on: loop) { .empty($0.head.path == "/0" ? 0 : 103) }
            defer { pair.close(on: loop) }
            let answers = ["/0", "/103"].map { pair.request($0, on: loop) }
            await pair.exchange(on: loop)
            #expect(answers.allSatisfy { $0.failure == .reset(.internalError) })
        }
    }

    @Test("100 Continue is sent when the body is asked for, and not otherwise", arguments: [true, false])
    func expectation(reads: Bool) async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(client: nil, on: loop) { reads ? await echo($0) : .empty(.ok) }
            defer { pair.close(on: loop) }
            pair.send(
                HTTP2Wire.request(1, method: "POST", with: [("expect", "100-continue")], end: false), on: loop)
            let heads = await pair.frames(on: loop).filter { $0.is(.headers) }
            // Indexed `:status` 200 is 0x88; 100 has to be spelled.
            #expect(heads.first?.payload.first == (reads ? 0x48 : 0x88))
            pair.send(HTTP2Wire.data(1, [1, 2, 3], end: true), on: loop)
            let rest = await pair.frames(on: loop)
            #expect(rest.contains { $0.is(.data) && $0.payload == [1, 2, 3] } == reads)
        }
    }
}
