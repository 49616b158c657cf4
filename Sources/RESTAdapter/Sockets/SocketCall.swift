import HTTP
import JSON
import MCPServer

/// Makes a WebSocket of a tool call: the call runs from the request on, waits for the connection when it has accepted,
/// and its end closes the socket.
enum SocketCall {
    /// Starts the call and waits until it has accepted the socket or ended.
    ///
    /// After a success the call belongs to the upgrade's `run`, which always comes; before, to the surrounding task, whose
    /// cancellation ends it.
    static func open(
        _ tool: String, _ arguments: JSONValue, _ call: ToolCall, _ registry: ToolRegistry
    ) async -> Result<WebSocketUpgrade, ToolFailure> {
        let (accepted, acceptance) = AsyncStream.makeStream(of: ToolSocket.Terms.self)
        let (connections, handOver) = AsyncStream.makeStream(of: (any WebSocketConnection).self)
        var call = call
        call.socket = ToolSocket { terms in
            acceptance.yield(terms)
            for await connection in connections { return connection }
            throw CancellationError()
        }
        let running = Task { [call] in
            let result = await registry.invoke(tool, arguments: arguments, call: call)
            acceptance.finish()
            return result
        }
        var first = accepted.makeAsyncIterator()
        let terms = await withTaskCancellationHandler {
            await first.next()
        } onCancel: {
            running.cancel()
        }
        guard let terms, !Task.isCancelled else {
            handOver.finish()
            switch await running.value {
            case .success: return .failure(.internalError("\(tool) ended without a socket"))
            case .failure(let failure): return .failure(failure)
            }
        }
        return .success(
            WebSocketUpgrade(maxMessageSize: terms.maxMessageSize, pingInterval: terms.pingInterval) { connection in
                handOver.yield(connection)
                handOver.finish()
                let result = await withTaskCancellationHandler {
                    await running.value
                } onCancel: {
                    running.cancel()
                }
                return WebSocketClose(result)
            })
    }
}

extension WebSocketClose {
    /// How a socket ends whose call ended so. The one place where outcomes become close codes (RFC 6455 7.4.1).
    init(_ result: Result<JSONValue, ToolFailure>) {
        switch result {
        case .success: self = .normal
        case .failure(.cancelled(let cause)): self.init(cause)
        // A rule of ours ended it.
        case .failure(.rejected(let text)): self.init(1008, text.english)
        case .failure(.permissionDenied): self.init(1008, ToolFailure.permissionDenied.message)
        case .failure(let failure): self.init(1011, failure.message)
        }
    }

    private init(_ cause: CancellationCause) {
        let text = ToolFailure.cancelled(cause).message
        switch cause {
        case .clientGone, .clientRequest: self = .normal
        case .shutdown: self.init(1001, text)
        case .rightsLost, .killSwitch, .deadline: self.init(1008, text)
        }
    }
}
