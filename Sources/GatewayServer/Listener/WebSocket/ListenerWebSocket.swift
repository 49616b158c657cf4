import MCPServer
import NIOCore
import Synchronization

/// The socket as `run` sees it. Every call goes over to the loop of the connection and is answered there.
struct ListenerWebSocket: WebSocketConnection {
    private let handler: NIOLoopBound<WebSocketHandler>
    private let loop: any EventLoop

    /// Call on the loop.
    init(_ handler: WebSocketHandler, on loop: any EventLoop) {
        self.handler = NIOLoopBound(handler, eventLoop: loop)
        self.loop = loop
    }

    /// - Throws: ``WebSocketFailure``; `CancellationError` when the calling task is cancelled while the socket is open.
    func receive() async throws -> WebSocketMessage? {
        let receiver = WebSocketReceiver(loop.makePromise())
        return try await withTaskCancellationHandler {
            loop.execute { handler.value.receive(receiver) }
            return try await receiver.promise.futureResult.get()
        } onCancel: {
            loop.execute { handler.value.cancel(receiver) }
        }
    }

    /// Returns when the system has taken all of the message.
    /// - Throws: when the socket is closed; `CancellationError`, and the message may be sent all the same then.
    func send(_ message: WebSocketMessage) async throws {
        try Task.checkCancellation()
        let frame = WebSocketFrame.message(message)
        let written = loop.makePromise(of: Void.self)
        try await withTaskCancellationHandler {
            loop.execute { handler.value.send(frame, written) }
            try await written.futureResult.get()
        } onCancel: {
            // Its own success later is ignored.
            written.fail(CancellationError())
        }
    }

    func end(_ close: WebSocketClose) {
        loop.execute { handler.value.runEnded(close) }
    }
}

/// One call of `receive`.
final class WebSocketReceiver: Sendable {
    let promise: EventLoopPromise<WebSocketMessage?>
    private let cancelled = Atomic(false)

    init(_ promise: EventLoopPromise<WebSocketMessage?>) {
        self.promise = promise
    }

    /// Set before the call came to the handler, it is not to wait there.
    var isCancelled: Bool {
        get { cancelled.load(ordering: .relaxed) }
        set { cancelled.store(newValue, ordering: .relaxed) }
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
