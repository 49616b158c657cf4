import Primitives
import Transport

// What follows from the state of a connection: whether it receives, and how long it may take.
extension HTTP1Connection {
    /// To be called when something has changed.
    func settle(on loop: isolated EventLoop) {
        guard transport != nil else { return }
        settleHead(on: loop)
        settleReceiving(on: loop)
        settleTimer(on: loop)
    }

    private func settleHead(on loop: isolated EventLoop) {
        if exchange != nil || !isInsideHead { headBegan = nil } else { headBegan = headBegan ?? loop.now }
    }

    // MARK: Holding the client back

    private var isFull: Bool {
        guard case .serving = phase else { return false }
        if pendingCount > limits.pipelined { return true }
        guard let exchange, case .open = exchange.body, exchange.toSkip == nil else { return false }
        if exchange.waitingBytes >= limits.unreadBody { return true }
        return !exchange.showsCredential && !exchange.readerWaits && service.unreadIsOver
    }

    private func settleReceiving(on loop: isolated EventLoop) {
        let isFull = isFull
        if isFull != isPaused {
            isPaused = isFull
            if isFull { transport?.pauseReceiving(on: loop) } else { transport?.resumeReceiving(on: loop) }
        }
        guard let exchange else { return }
        var isWaiting = false
        if case .open = exchange.body { isWaiting = !isFull && !exchange.awaitsContinue }
        exchange.pace.setWaiting(isWaiting, at: loop.now)
    }

    // MARK: Deadlines

    /// When the connection is given up if nothing happens; `nil` while a whole request is being answered, however long
    /// that takes, and while it is us who do not take what the client sends.
    private var deadline: UInt64? {
        let idle = limits.idle.timerMilliseconds
        switch phase {
        case .webSocket, .switched: return nil
        case .lingering(_, let since): return max(since + limits.lingering.timerMilliseconds, sendsUntil ?? 0)
        case .closing(let since): return since + 2 * idle
        case .serving: break
        }
        guard let exchange else {
            let late = headBegan.map { $0 + limits.head.timerMilliseconds }
            return min(lastHeard + idle, late ?? .max)
        }
        guard case .open = exchange.body, !isPaused else { return nil }
        return min(lastHeard + idle, exchange.pace.deadline ?? .max)
    }

    /// A client that takes the answer slowly is not cut off in the middle of it.
    private var sendsUntil: UInt64? {
        guard case .lingering(_, let since) = phase, transport?.isDrained == false else { return nil }
        return since + 2 * limits.idle.timerMilliseconds
    }

    /// One timer for a connection, looked at when it rings and not moved for each read.
    private func settleTimer(on loop: isolated EventLoop) {
        guard transport != nil, let deadline else { return }
        if let timer {
            guard deadline < timer.deadline else { return }
            loop.cancel(timer.token)
        }
        let delay = deadline > loop.now ? deadline - loop.now : 0
        let token = loop.schedule(after: delay) { [weak self] in
            guard let self else { return }
            timer = nil
            ring(on: loop)
        }
        timer = (token, deadline)
    }

    private func ring(on loop: isolated EventLoop) {
        guard let transport, let deadline else { return }
        guard deadline <= loop.now else { return settleTimer(on: loop) }
        if case .serving = phase, exchange == nil, headBegan != nil { return failLate(on: loop) }
        transport.close(on: loop)
    }
}
