import HTTP
import TestSupport
import Transport

/// A client of the web that speaks HTTP/2, for the time of a closure.
final class WebClient: Sendable {
    struct Answer: Sendable, Equatable {
        var status: Int
        var text: String
    }

    /// The connection or the stream ended before the answer did.
    struct Lost: Error {}

    /// Opens when the gateway has said GOAWAY.
    let goesAway: Latch
    /// Opens when the connection is closed.
    let isClosed: Latch
    private let connection: LoopBound<HTTP2ClientConnection>

    private init(_ connection: HTTP2ClientConnection, _ owner: Owner, on loop: isolated EventLoop) {
        self.connection = LoopBound(connection, on: loop)
        goesAway = owner.goesAway
        isClosed = owner.isClosed
    }

    static func with<Result: Sendable>(
        port: Int, tls: TLSContext? = nil, _ body: (WebClient) async throws -> Result
    ) async throws -> Result {
        let group = EventLoopGroup(count: 1)
        let result: Swift.Result<Result, any Error>
        do {
            let client = try await Connector.connect(
                host: "127.0.0.1", port: UInt16(port), tls: tls, limit: .seconds(10), on: group.next()
            ) { transport, info, loop in
                let owner = Owner()
                let connection = HTTP2ClientConnection(
                    over: transport, isSecure: info.isSecure, owner: owner, on: loop)
                return (connection, WebClient(connection, owner, on: loop))
            }
            result = .success(try await body(client))
        } catch { result = .failure(error) }
        await group.stop()
        return try result.get()
    }

    func request(
        _ path: String, method: HTTPRequest.Method = .get, _ fields: HTTPFields = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        let request = HTTPRequest(
            method: method, scheme: "http", authority: "gateway.test", path: path, headerFields: fields)
        return try await Self.run(request, body, over: connection, on: connection.loop)
    }

    private static func run(
        _ request: HTTPRequest, _ body: [UInt8]?, over connection: LoopBound<HTTP2ClientConnection>,
        on loop: isolated EventLoop
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { waiter in
            let exchange = Exchange(waiter)
            guard
                let stream = connection.get(on: loop).open(
                    request, handler: exchange, endStream: body == nil, on: loop)
            else { return waiter.resume(throwing: Lost()) }
            exchange.stream = stream
            guard let body else { return }
            stream.write(body, on: loop)
            stream.end(on: loop)
        }
    }

    private final class Owner: HTTP2ClientOwner {
        let goesAway = Latch()
        let isClosed = Latch()

        func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop) {}

        func connectionGoesAway(
            _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop
        ) { goesAway.open() }

        func connectionClosed(
            _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop
        ) { isClosed.open() }
    }

    private final class Exchange: HTTP2StreamHandler {
        var stream: HTTP2Stream?
        private var waiter: CheckedContinuation<Answer, any Error>?
        private var status = 0
        private var body: [UInt8] = []

        init(_ waiter: CheckedContinuation<Answer, any Error>) { self.waiter = waiter }

        func receivedHead(_ response: HTTPResponse, on loop: isolated EventLoop) { status = response.status.code }

        func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
            body += bytes
            stream?.consume(bytes.count, on: loop)
        }

        func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {
            end(.success(Answer(status: status, text: String(decoding: body, as: UTF8.self))))
        }

        func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
            stream = nil
            end(.failure(Lost()))
        }

        private func end(_ result: Result<Answer, any Error>) {
            waiter?.resume(with: result)
            waiter = nil
        }
    }
}
