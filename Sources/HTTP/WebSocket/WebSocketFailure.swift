/// Why a WebSocket ended other than by a close of its client.
enum WebSocketFailure: Error, Sendable, Equatable {
    /// It was closed already, by either side.
    case closed
    /// The client went away without a close.
    case broken
    /// The client broke the protocol or a limit; it was told so with this.
    case refused(WebSocketClose)
    /// The client answered no pings.
    case silent
    /// The gateway is being shut down.
    case shutdown
}

/// The socket of an upgrade that came to nothing.
struct LostWebSocket: WebSocketConnection {
    func receive() async throws -> WebSocketMessage? { throw WebSocketFailure.broken }
    func send(_ message: WebSocketMessage) async throws { throw WebSocketFailure.closed }
}

extension WebSocketUpgrade {
    /// Calls `run` without a client, cancelled, so that it releases what it holds.
    func runWithoutClient() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await run(LostWebSocket()) }
            group.cancelAll()
        }
    }
}
