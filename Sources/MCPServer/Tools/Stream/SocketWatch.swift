import HTTP

/// A socket that only listens to us: what it says is read and dropped, so that its going away is seen.
enum SocketWatch {
    /// A safety net; pages open it anew.
    static let deadline = Duration.seconds(30 * 86_400)
    static let terms = ToolSocket.Terms(maxMessageSize: 64 << 10, pingInterval: .seconds(30))

    /// Runs `talk` until it ends, or the client has closed.
    static func run(
        _ connection: any WebSocketConnection, _ talk: @escaping @Sendable () async throws -> Void
    ) async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                group.addTask { while try await connection.receive() != nil {} }
                group.addTask { try await talk() }
                try await group.next()
            }
        } catch let failure as ToolFailure {
            throw failure
        } catch {
            // Whoever stopped the call knows why; the connection does not.
            try Task.checkCancellation()
            throw ToolFailure.cancelled(.clientGone)
        }
    }
}
