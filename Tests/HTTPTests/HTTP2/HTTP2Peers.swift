import TestSupport
import Testing
import Transport

@testable import HTTP

/// What a client's stream has heard.
final class Answer: HTTP2StreamHandler {
    var stream: HTTP2Stream?
    var head: HTTPResponse?
    var body: [UInt8] = []
    var hasEnded = false
    var trailers: HTTPFields?
    var isClosed = false
    var failure: HTTP2StreamFailure?
    /// How much of the body is given back to the server's windows.
    var consumes = true

    var text: String { String(decoding: body, as: UTF8.self) }

    func receivedHead(_ response: HTTPResponse, on loop: isolated EventLoop) { head = response }

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
        body += bytes
        if consumes { stream?.consume(bytes.count, on: loop) }
    }

    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {
        #expect(!hasEnded)
        #expect(!isClosed)
        hasEnded = true
        self.trailers = trailers
    }

    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        #expect(!isClosed)
        isClosed = true
        self.failure = failure
        stream = nil
    }
}

/// A server's connection in memory and what it is sent: by a client of ours, or byte by byte.
final class HTTP2Pair: HTTP2ClientOwner {
    let transport = MemoryTransport()
    let server: HTTP2Connection
    /// Where the server's connection has its place.
    let book: ConnectionBook
    let address = SocketAddress("192.0.2.1", port: 5000)
    private let clientTransport = MemoryTransport()
    private(set) var client: HTTP2ClientConnection?
    private(set) var isReady = false
    private(set) var goneAway: HTTP2ErrorCode?
    private(set) var end: HTTP2ClientConnection.End?

    /// - Parameter client: with whose settings, `nil`: the test sends bytes itself.
    init(
        _ configuration: HTTP2ServerConfiguration, client: HTTP2Settings? = .client, isSecure: Bool = false,
        userConnections: Int = 1, on loop: isolated EventLoop
    ) {
        book = ConnectionBook(limits: ConnectionBook.Limits(ofAddress: 1, ofUser: userConnections, ofAgent: 1))
        server = HTTP2Connection(
            over: transport, configuration, peer: "192.0.2.1", isSecure: isSecure, place: book.admit(address), on: loop)
        transport.attach(server)
        if let client {
            let connection = HTTP2ClientConnection(
                over: clientTransport, isSecure: false, owner: self, settings: client, on: loop)
            self.client = connection
            clientTransport.attach(connection)
        } else {
            send(HTTP2Wire.preface, on: loop)
        }
    }

    /// A connection of a listener's service, with its shared budget.
    init(
        service: HTTPService, client: HTTP2Settings? = .client, atWork: Int = .max, on loop: isolated EventLoop
    ) {
        book = service.book
        var configuration = HTTP2ServerConfiguration.patient(entry: service.entry)
        configuration.limits.atWorkForStrangers = atWork
        server = HTTP2Connection(
            over: transport, configuration, peer: "192.0.2.1", isSecure: false,
            place: book.admit(address), service: service, on: loop)
        transport.attach(server)
        if let client {
            let connection = HTTP2ClientConnection(
                over: clientTransport, isSecure: false, owner: self, settings: client, on: loop)
            self.client = connection
            clientTransport.attach(connection)
        }
    }

    convenience init(
        client: HTTP2Settings? = .client, router: (any HTTP2StreamRouter)? = nil, on loop: isolated EventLoop,
        _ entry: @escaping HTTPEntry
    ) {
        self.init(.patient(entry: entry, router: router), client: client, on: loop)
    }

    /// Begins a request of the client.
    func request(
        _ path: String = "/", method: HTTPRequest.Method = .get, _ fields: HTTPFields = [:], body: [UInt8]? = nil,
        end: Bool = true, on loop: isolated EventLoop
    ) -> Answer {
        let answer = Answer()
        let request = HTTPRequest(
            method: method, scheme: "http", authority: "test", path: path, headerFields: fields)
        let stream = client?.open(request, handler: answer, endStream: body == nil && end, on: loop)
        answer.stream = stream
        if let body {
            stream?.write(body, on: loop)
            if end { stream?.end(on: loop) }
        }
        return answer
    }

    /// Carries bytes to and fro until neither end has any.
    func exchange(on loop: isolated EventLoop) async {
        var quiet = 0
        while quiet < 3 {
            await loop.turn()
            let request = clientTransport.takeSent()
            transport.receive(request, on: loop)
            await loop.turn()
            let answer = client == nil ? [] : transport.takeSent()
            clientTransport.receive(answer, on: loop)
            if transport.hasFinishedSending, client != nil { clientTransport.receiveEnd(on: loop) }
            if clientTransport.isClosed, client != nil { transport.receiveEnd(on: loop) }
            quiet = request.isEmpty && answer.isEmpty ? quiet + 1 : 0
        }
    }

    /// Carries bytes until something holds, for five seconds at most.
    func exchange(on loop: isolated EventLoop, until condition: () -> Bool) async -> Bool {
        let end = loop.now + 5000
        while loop.now < end {
            await exchange(on: loop)
            if condition() { return true }
            try? await loop.sleep(milliseconds: 1)
        }
        return condition()
    }

    /// The test's own bytes.
    func send(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard !transport.isClosed else { return }
        transport.receive(bytes, on: loop)
    }

    /// What the server has sent, as frames. Its SETTINGS are acknowledged.
    func frames(on loop: isolated EventLoop) async -> [HTTP2Wire.Frame] {
        for _ in 0..<3 { await loop.turn() }
        let frames = HTTP2Wire.parse(transport.takeSent())
        if frames.contains(where: { $0.is(.settings) && $0.flags == 0 }) {
            send(HTTP2Wire.settings(isAcknowledgement: true), on: loop)
        }
        return frames
    }

    var isServerGone: Bool { transport.isClosed || transport.hasFinishedSending }

    func close(on loop: isolated EventLoop) {
        transport.close(on: loop)
        clientTransport.close(on: loop)
    }

    func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop) { isReady = true }

    func connectionGoesAway(
        _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop
    ) { goneAway = code }

    func connectionClosed(
        _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop
    ) { self.end = end }
}

extension HTTP2ServerConfiguration {
    /// One whose limits of time are not those that are tested: on a busy machine any test may take long.
    static func patient(
        entry: @escaping HTTPEntry, router: (any HTTP2StreamRouter)? = nil
    ) -> HTTP2ServerConfiguration {
        var configuration = HTTP2ServerConfiguration(entry: entry, router: router)
        configuration.limits.farewellToStrangers = 600_000
        configuration.limits.strangers = 600_000
        configuration.limits.silence = 600_000
        // As if each had shown a credential.
        configuration.limits.atWorkForStrangers = .max
        configuration.settings.crowdedByStranger = configuration.settings.crowded
        return configuration
    }
}

/// Runs on a loop of its own, whose time other tests don't take.
func withOwnLoop(_ body: @Sendable (isolated EventLoop) async throws -> Void) async rethrows {
    let loop = EventLoop()
    loop.start()
    do {
        try await loop.run(body)
    } catch {
        await loop.stop()
        throw error
    }
    await loop.stop()
}

/// Answers with the request's body.
@Sendable func echo(_ request: InboundRequest) async -> OutboundResponse {
    let body = (try? await request.body.collect(upTo: 1 << 30)) ?? []
    return OutboundResponse(head: HTTPResponse(status: .ok), body: .bytes(body))
}

/// Gives each stream a handler of the test's, which does nothing but note; nil for paths that begin with `/web`.
final class NotingRouter: HTTP2StreamRouter {
    let answers: @Sendable (HTTP2Stream, isolated EventLoop) -> Void
    private let handlers = Lock<[LoopBound<NotingHandler>]>([])

    init(_ answers: @escaping @Sendable (HTTP2Stream, isolated EventLoop) -> Void = { _, _ in }) {
        self.answers = answers
    }

    func handler(
        for request: HTTPRequest, on stream: HTTP2Stream, on loop: isolated EventLoop
    ) -> (any HTTP2StreamHandler)? {
        guard request.path?.hasPrefix("/web") != true else { return nil }
        let handler = NotingHandler(stream)
        let bound = LoopBound(handler, on: loop)
        handlers.withLock { $0.append(bound) }
        answers(stream, loop)
        return handler
    }

    func all(on loop: isolated EventLoop) -> [NotingHandler] { handlers.withLock { $0 }.map { $0.get(on: loop) } }
}

final class NotingHandler: HTTP2StreamHandler {
    let stream: HTTP2Stream
    var body: [UInt8] = []
    var events: [String] = []
    var trailers: HTTPFields?
    var failure: HTTP2StreamFailure?
    var isClosed = false

    init(_ stream: HTTP2Stream) { self.stream = stream }

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
        body += bytes
        events.append("data")
    }
    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {
        self.trailers = trailers
        events.append("end")
    }
    func writable(on loop: isolated EventLoop) { events.append("writable") }
    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        #expect(!isClosed)
        isClosed = true
        self.failure = failure
        events.append("closed")
    }
}
