import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("The client's end of HTTP/2", .serialized, .timeLimit(.minutes(5)))
struct HTTP2ClientTests {
    @Test("requests above the server's limit wait for others to end, and are all answered")
    func queued() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter()
            var configuration = HTTP2ServerConfiguration.patient(entry: echo, router: router)
            configuration.settings.maximumStreams = 10
            let pair = HTTP2Pair(configuration, on: loop)
            defer { pair.close(on: loop) }
            await pair.exchange(on: loop)
            #expect(pair.isReady)
            let calls = (0..<30).map { _ in pair.request("/call", method: .post, end: false, on: loop) }
            for round in 1...3 {
                await pair.exchange(on: loop)
                let handlers = router.all(on: loop)
                #expect(handlers.count == round * 10)
                for handler in handlers where !handler.isClosed {
                    handler.stream.respond(HTTPResponse(status: .ok), endStream: true, on: loop)
                }
            }
            #expect(await pair.exchange(on: loop) { calls.allSatisfy { $0.isClosed } })
            #expect(calls.allSatisfy { $0.failure == nil && $0.head?.status == .ok })
        }
    }

    @Test("a request that still waits can be given up")
    func givenUp() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter()
            var configuration = HTTP2ServerConfiguration.patient(entry: echo, router: router)
            configuration.settings.maximumStreams = 1
            let pair = HTTP2Pair(configuration, on: loop)
            defer { pair.close(on: loop) }
            await pair.exchange(on: loop)
            let calls = (0..<3).map { _ in pair.request("/call", method: .post, end: false, on: loop) }
            await pair.exchange(on: loop)
            calls[1].stream?.reset(.cancel, on: loop)
            await pair.exchange(on: loop)
            #expect(calls[1].isClosed)
            #expect(calls[1].failure == .reset(.cancel))
            router.all(on: loop)[0].stream.respond(HTTPResponse(status: .ok), endStream: true, on: loop)
            await pair.exchange(on: loop)
            #expect(calls[0].isClosed)
            #expect(!calls[2].isClosed)
            #expect(router.all(on: loop).count == 2)
        }
    }

    @Test("requests that are open when the connection ends are told; later ones are not taken")
    func connectionEnds() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(router: NotingRouter(), on: loop, echo)
            let call = pair.request("/call", method: .post, end: false, on: loop)
            await pair.exchange(on: loop)
            pair.close(on: loop)
            #expect(call.failure == .connectionLost)
            #expect(pair.end == .closed)
            #expect(pair.client?.isOpen == false)
            let late = pair.request(on: loop)
            #expect(late.stream == nil)
        }
    }

    @Test("a request that begins after the server's GOAWAY was sent is refused: nothing was done for it")
    func refusedByGoAway() async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(router: NotingRouter(), on: loop, echo)
            defer { pair.close(on: loop) }
            let first = pair.request("/call", method: .post, end: false, on: loop)
            await pair.exchange(on: loop)
            pair.server.link.update(on: loop) { $0.goAway() }
            await loop.turn()
            let late = pair.request("/call", method: .post, end: false, on: loop)
            await pair.exchange(on: loop)
            #expect(pair.goneAway == .noError)
            #expect(late.failure == .reset(.refusedStream))
            #expect(!first.isClosed)
        }
    }

    @Test("what is no HTTP/2 ends the connection, and what was asked")
    func noHTTP2() async {
        await EventLoop.shared.run { loop in
            let owner = Owner()
            let transport = MemoryTransport()
            let client = HTTP2ClientConnection(over: transport, isSecure: false, owner: owner, on: loop)
            transport.attach(client)
            let answer = Answer()
            let request = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/")
            answer.stream = client.open(request, handler: answer, endStream: true, on: loop)
            await loop.turn()
            #expect(transport.takeSent().starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)))
            transport.receive("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", on: loop)
            for _ in 0..<3 { await loop.turn() }
            #expect(answer.failure == .connectionLost)
            #expect(!client.isOpen)
            #expect(transport.hasFinishedSending)
            transport.receiveEnd(on: loop)
            if case .violated? = owner.end {} else { Issue.record("\(String(describing: owner.end))") }
        }
    }

    @Test("pings are answered, a push is refused, a response of 64 KiB of fields and more is reset")
    func server() async {
        await EventLoop.shared.run { loop in
            let owner = Owner()
            let transport = MemoryTransport()
            let client = HTTP2ClientConnection(over: transport, isSecure: false, owner: owner, on: loop)
            transport.attach(client)
            defer { transport.close(on: loop) }
            let request = HTTPRequest(method: .get, scheme: "http", authority: "test", path: "/")
            let answers = (0..<2).map { _ in
                let answer = Answer()
                answer.stream = client.open(request, handler: answer, endStream: true, on: loop)
                return answer
            }
            await loop.turn()
            _ = transport.takeSent()
            transport.receive(
                HTTP2Wire.settings() + HTTP2Wire.settings(isAcknowledgement: true)
                    + HTTP2Wire.frame(.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), on: loop)
            await loop.turn()
            #expect(owner.isReady)
            let sent = HTTP2Wire.parse(transport.takeSent())
            #expect(sent.contains { $0.is(.ping) && $0.flags == 1 && $0.payload == [1, 2, 3, 4, 5, 6, 7, 8] })
            let value = String(repeating: "v", count: 8000)
            let large = [(":status", "200")] + (0..<9).map { ("x-\($0)", value) }
            transport.receive(HTTP2Wire.headers(1, large, end: true), on: loop)
            transport.receive(HTTP2Wire.headers(3, [(":status", "103")]), on: loop)
            transport.receive(HTTP2Wire.headers(3, [(":status", "200")]), on: loop)
            transport.receive(HTTP2Wire.data(3, [1], end: true), on: loop)
            await loop.turn()
            #expect(answers[0].isClosed)
            #expect(answers[0].failure == .reset(.enhanceYourCalm))
            #expect(answers[1].head?.status == .ok)
            #expect(answers[1].body == [1])
            #expect(answers[1].failure == nil)
            #expect(answers[1].isClosed)
            transport.receive(HTTP2Wire.frame(.push, 4, 3, [0, 0, 0, 2]), on: loop)
            for _ in 0..<2 { await loop.turn() }
            #expect(HTTP2Wire.parse(transport.takeSent()).last?.code == .protocolError)
        }
    }

    @Test("the words of a GOAWAY are kept")
    func words() async {
        await EventLoop.shared.run { loop in
            let owner = Owner()
            let transport = MemoryTransport()
            let client = HTTP2ClientConnection(over: transport, isSecure: false, owner: owner, on: loop)
            transport.attach(client)
            await loop.turn()
            let words = Array("too_many_pings".utf8)
            transport.receive(HTTP2Wire.settings(), on: loop)
            transport.receive(HTTP2Wire.frame(.goAway, 0, 0, [0, 0, 0, 0, 0, 0, 0, 11] + words), on: loop)
            await loop.turn()
            transport.receiveEnd(on: loop)
            #expect(owner.end == .goneAway(.enhanceYourCalm, reason: "too_many_pings"))
        }
    }

    private final class Owner: HTTP2ClientOwner {
        var isReady = false
        var end: HTTP2ClientConnection.End?
        func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop) { isReady = true }
        func connectionGoesAway(
            _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop
        ) {}
        func connectionClosed(
            _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop
        ) { self.end = end }
    }
}
