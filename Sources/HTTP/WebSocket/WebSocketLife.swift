/// How a WebSocket lives and ends (RFC 6455 5.5.1, 7): the close handshake from both sides, and whether the client is
/// still there. A pure state machine; ``WebSocketHandler`` feeds it and does what it says.
struct WebSocketLife: Sendable {
    enum Event: Sendable {
        /// `nil`: without a code.
        case clientClosed(UInt16?)
        case violation(WebSocketClose)
        /// A close that breaks the rules is one all the same: no other is waited for.
        case closedBadly(WebSocketClose)
        /// The client sends no more: it ended its side, or the connection is gone.
        case inputEnded
        case runEnded(WebSocketClose)
        /// The gateway is being shut down.
        case shutdown
        /// A ping interval is over.
        /// - Parameter heard: whether anything came in it, or could not have come because nobody was reading.
        case interval(heard: Bool)
        /// Everything that came before the end has been received.
        case drained
        /// The time for an orderly end is over.
        case timeUp
    }

    enum Action: Sendable, Equatable {
        case ping
        /// `nil`: a close without a code.
        case sendClose(WebSocketClose?)
        /// What comes from now on is of no use.
        case forgetInput
        /// The task of `run` is cancelled.
        case cancelRun
        /// An orderly end has only so much time.
        case startTimer
        /// As soon as everything is written.
        case closeConnection
        case closeConnectionNow
    }

    /// What a receiver is told once it has received everything; `nil` while the socket is open.
    private(set) var ending: Result<WebSocketMessage?, WebSocketFailure>?
    private var closeSent = false
    private var clientIsDone = false
    private var runIsOver = false
    private var connectionClosed = false
    private var silentIntervals = 0

    mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .clientClosed(let code):
            let answer: [Action] = closeSent ? [] : [.sendClose(code.map { WebSocketClose($0) })]
            closeSent = true
            return answer + clientDone(.success(nil))
        case .inputEnded:
            return clientDone(.failure(.broken))
        case .violation(let close):
            guard ending == nil else { return [] }
            return end(.failure(.refused(close)), saying: close)
        case .closedBadly(let close):
            let actions = ending == nil ? end(.failure(.refused(close)), saying: close) : []
            return actions + clientDone(.failure(.refused(close)))
        case .runEnded(let close):
            guard !runIsOver else { return [] }
            runIsOver = true
            let actions: [Action] =
                ending == nil ? end(.failure(.closed), saying: close) + [.forgetInput] : [.forgetInput]
            return actions + closeIfDone()
        case .shutdown:
            guard ending == nil else { return [] }
            return end(.failure(.shutdown), saying: WebSocketClose(1001, "the gateway is shutting down"))
                + [.forgetInput, .cancelRun]
        case .interval(let heard):
            guard ending == nil else { return [] }
            silentIntervals = heard ? 0 : silentIntervals + 1
            guard silentIntervals == 2 else { return [.ping] }
            return end(.failure(.silent), saying: WebSocketClose(1001, "no answer to pings"))
                + [.forgetInput, .cancelRun, .closeConnectionNow]
        case .drained:
            guard ending != nil, !runIsOver else { return [] }
            runIsOver = true
            return [.cancelRun] + closeIfDone()
        case .timeUp:
            runIsOver = true
            return [.cancelRun, .closeConnectionNow]
        }
    }

    private mutating func end(
        _ ending: Result<WebSocketMessage?, WebSocketFailure>, saying close: WebSocketClose
    ) -> [Action] {
        self.ending = ending
        closeSent = true
        return [.sendClose(close), .startTimer]
    }

    private mutating func clientDone(_ ending: Result<WebSocketMessage?, WebSocketFailure>) -> [Action] {
        guard !clientIsDone else { return [] }
        clientIsDone = true
        let isFirst = self.ending == nil
        if isFirst { self.ending = ending }
        return (isFirst ? [.startTimer] : []) + closeIfDone()
    }

    private mutating func closeIfDone() -> [Action] {
        guard clientIsDone, runIsOver, !connectionClosed else { return [] }
        connectionClosed = true
        return [.closeConnection]
    }
}
