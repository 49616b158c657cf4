import Transport

/// The socket as `run` sees it. Every call is made on the loop of the connection.
struct LoopWebSocket: WebSocketConnection {
    private let handler: LoopBound<WebSocketHandler>

    init(_ handler: WebSocketHandler, on loop: isolated EventLoop) {
        self.handler = LoopBound(handler, on: loop)
    }

    /// - Throws: ``WebSocketFailure``; `CancellationError` when the calling task is cancelled while the socket is open.
    func receive() async throws -> WebSocketMessage? {
        try await handler.loop.run { loop in try await handler.get(on: loop).receive(on: loop) }
    }

    /// Returns when the system has taken the message, or next to all of it.
    /// - Throws: when the socket is closed; `CancellationError`, and the message may be sent all the same then.
    func send(_ message: WebSocketMessage) async throws {
        try await send(frame: WebSocketFrame.message(message))
    }

    func send(_ message: SharedMessage) async throws { try await send(frame: message.frame) }

    private func send(frame: [UInt8]) async throws {
        try Task.checkCancellation()
        try await handler.loop.run { loop in try await handler.get(on: loop).send(frame, on: loop) }
    }
}

extension WebSocketMessage {
    var byteCount: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }
}
