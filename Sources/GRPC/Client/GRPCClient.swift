package import HTTP
package import Transport

/// A client with one connection. It does not connect again: when the connection is lost, all its calls and every later
/// one end with `unavailable`.
///
/// ```swift
/// let client = try await GRPCClient.connect(host: "gateway", port: 8008, options: .init(userAgent: "agent/1"), on: loop)
/// let answer = try await client.unary("/test.Echo/Once", message, timeout: .seconds(10))
/// try await client.withStream("/test.Echo/Talk") { stream in
///     try await stream.send(message)
///     await stream.finish()
///     while let message = try await stream.next() { … }
/// }
/// await client.close()
/// ```
package final class GRPCClient: Sendable {
    /// What the connection is under the calls.
    package enum Security: Sendable, Hashable {
        /// HTTP/2 by prior knowledge.
        case plaintext
        /// TLS 1.2 or newer; the certificate must be the host's, unless nothing of it is verified.
        case tls(verified: Bool)
    }

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

    /// A client over a transport that is connected.
    /// - Parameter authority: the value of `:authority`, `host:port`.
    package init(
        over transport: any ByteTransport, authority: String, isSecure: Bool, options: Options,
        on loop: isolated EventLoop
    ) {
        self.options = options
        connection = LoopBound(GRPCClientConnection(over: transport, on: loop), on: loop)
        template = HTTPRequest(
            method: .post, scheme: isSecure ? "https" : "http", authority: authority, path: nil,
            headerFields: [.te: "trailers", .contentType: GRPCContentType.value, .userAgent: options.userAgent])
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
        let timeout = timeout.map { GRPCTimeout(milliseconds: $0.wholeMilliseconds) }
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
        await connection.loop.run { [connection] loop in connection.get(on: loop).close(on: loop) }
    }
}
