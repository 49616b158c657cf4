package import HTTP
import Primitives
package import Transport

/// A client with one connection. It does not connect again: when the connection is lost, all its calls and every later
/// one end with `unavailable`.
///
/// ```swift
/// let client = try await GRPCClient.connect(host: "gateway", port: 8008, options: options, on: loop)
/// let answer = try await client.unary("/test.Echo/Once", message, timeout: .seconds(10))
/// try await client.withStream("/test.Echo/Talk") { stream in
///     try await stream.send(message)
///     await stream.finish()
///     while let message = try await stream.next() { … }
/// }
/// await client.close()
/// ```
package final class GRPCClient: Sendable {
    package struct Options: Sendable {
        /// The value of `user-agent`.
        package var userAgent: String
        /// The largest message that is taken, in bytes.
        package var maximumMessage = 16 << 20
        /// How long connecting may take, the look-up of the name and TLS included.
        package var connectTimeout = Duration.seconds(20)

        package init(userAgent: String) {
            self.userAgent = userAgent
        }
    }

    private let options: Options
    private let connection: LoopBound<GRPCClientConnection>
    /// What the heads of all calls have in common.
    private let template: HTTPRequest

    private init(
        _ connection: GRPCClientConnection, authority: String, isSecure: Bool, options: Options,
        on loop: isolated EventLoop
    ) {
        self.options = options
        self.connection = LoopBound(connection, on: loop)
        template = HTTPRequest(
            method: .post, scheme: isSecure ? "https" : "http", authority: authority, path: nil,
            headerFields: [.te: "trailers", .contentType: GRPCContentType.value, .userAgent: options.userAgent])
    }

    /// A client over a transport that is connected.
    /// - Parameter authority: the value of `:authority`, `host:port`.
    /// - Returns: the client, and what receives the transport's bytes: attach it to the transport.
    package static func over(
        _ transport: any ByteTransport, authority: String, isSecure: Bool = false, options: Options,
        on loop: isolated EventLoop
    ) -> (client: GRPCClient, speaker: any ByteProtocol) {
        let connection = GRPCClientConnection()
        let speaker = connection.start(over: transport, isSecure: isSecure, on: loop)
        return (GRPCClient(connection, authority: authority, isSecure: isSecure, options: options, on: loop), speaker)
    }

    // MARK: Connecting

    /// What TLS is to be for a gateway: 1.2 or newer, with ALPN.
    package static func tls(trust: TLSContext.Trust) throws(TLSContextError) -> TLSContext {
        try .client(trust: trust, protocols: ["grpc-exp", "h2"])
    }

    /// Looks the host up, tries its addresses, shakes hands, and waits until the server has shown that it speaks HTTP/2.
    /// - Parameters:
    ///   - host: a name, or an address without brackets.
    ///   - tls: as ``tls(trust:)`` makes it; nil for HTTP/2 by prior knowledge.
    ///   - loop: where the connection lives.
    /// - Throws: `unavailable` with its cause, `cancelled`.
    package static func connect(
        host: String, port: UInt16, tls: TLSContext? = nil, options: Options, on loop: EventLoop
    ) async throws(GRPCStatus) -> GRPCClient {
        let authority = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        let end = ContinuousClock.now + options.connectTimeout
        let client: GRPCClient
        do throws(ConnectError) {
            client = try await Connector.connect(
                host: host, port: port, tls: tls, limit: options.connectTimeout, on: loop
            ) { transport, info, loop in
                let (client, speaker) = over(
                    transport, authority: authority, isSecure: info.isSecure, options: options, on: loop)
                return (speaker, client)
            }
        } catch .cancelled {
            throw GRPCStatus(.cancelled, "connecting was cancelled")
        } catch {
            throw notConnected(error.description)
        }
        try await client.waitUntilReady(limit: end - .now)
        return client
    }

    private static func notConnected(_ cause: String) -> GRPCStatus {
        GRPCStatus(.unavailable, "cannot connect", cause: cause)
    }

    private func waitUntilReady(limit: Duration) async throws(GRPCStatus) {
        let connection = connection
        let giveUp: @Sendable (GRPCStatus, isolated EventLoop) -> Void = { reason, loop in
            connection.get(on: loop).close(reason, on: loop)
        }
        try await connection.loop.run { loop in
            let timer = loop.schedule(after: limit.timerMilliseconds) { giveUp(Self.notConnected("timeout"), loop) }
            defer { loop.cancel(timer) }
            return await withTaskCancellationHandler {
                await withCheckedContinuation { waiter in connection.get(on: loop).whenReady(waiter) }
            } onCancel: {
                Task(executorPreference: loop.executor) {
                    await connection.loop.run { giveUp(GRPCStatus(.cancelled, "connecting was cancelled"), $0) }
                }
            }
        }.get()
    }

    // MARK: Calls

    /// Calls a method with one message for one message.
    /// - Parameter timeout: told to the server, and kept here, too.
    package func unary(
        _ path: String, _ message: [UInt8], metadata: HTTPFields = [:], timeout: Duration? = nil
    ) async throws(GRPCStatus) -> [UInt8] {
        let stream = try await open(path, metadata: metadata, timeout: timeout)
        defer { stream.cancel() }
        do throws(GRPCStatus) {
            try await stream.send(message)
        } catch {
            // What the server says is the better reason; `next` throws it.
        }
        await stream.finish()
        guard let answer = try await stream.next() else {
            throw GRPCStatus(.internalError, "the call ended without an answer")
        }
        guard try await stream.next() == nil else {
            throw GRPCStatus(.internalError, "the call has more than one answer")
        }
        return answer
    }

    /// Calls a method for the time of a closure. A call that has not ended by then is reset; to hear its end, ask for
    /// messages until there is none.
    /// - Parameter timeout: of the whole call; told to the server, and kept here, too.
    /// - Throws: ``GRPCStatus`` when there is no connection, and what `body` throws.
    package func withStream<Success>(
        _ path: String, metadata: HTTPFields = [:], timeout: Duration? = nil,
        _ body: (GRPCClientStream) async throws -> Success
    ) async throws -> Success {
        let stream = try await open(path, metadata: metadata, timeout: timeout)
        defer { stream.cancel() }
        return try await body(stream)
    }

    /// Begins a call. Whoever does must end it: with the last message, or by ``GRPCClientStream/cancel()``.
    package func open(
        _ path: String, metadata: HTTPFields = [:], timeout: Duration? = nil
    ) async throws(GRPCStatus) -> GRPCClientStream {
        var request = template
        request.path = path
        let timeout = timeout.map { GRPCTimeout(milliseconds: $0.timerMilliseconds) }
        if let timeout { request.headerFields[.grpcTimeout] = timeout.text }
        request.headerFields += metadata
        let head = request
        return try await connection.loop.run { [connection, options] loop in
            let call = GRPCClientCall(maximumMessage: options.maximumMessage)
            return connection.get(on: loop).begin(call, head, timeout: timeout?.milliseconds, on: loop)
                .map { GRPCClientStream(call, on: loop) }
        }.get()
    }

    // MARK: Life

    /// Why the connection is lost; nil while it stands.
    package func loss() async -> GRPCStatus? {
        await connection.loop.run { [connection] loop in connection.get(on: loop).loss }
    }

    /// Ends the connection; calls that are open end with `unavailable`.
    package func close() async {
        await connection.loop.run { [connection] loop in
            connection.get(on: loop).close(GRPCStatus(.unavailable, "the client was closed"), on: loop)
            await loop.turn()
        }
    }
}
