import Transport

/// A value that comes once and is awaited: a reply, an attachment, the end of a stream. The first outcome wins, later
/// ones are dropped. A waiter that is cancelled stops waiting at once.
package final class Promise<Value: Sendable>: Sendable {
    package typealias Outcome = Result<Value, any Error>

    private struct State {
        var outcome: Outcome?
        var waiters: [UInt64: CheckedContinuation<Value, any Error>] = [:]
        /// Those that were told to stop before they had begun to wait.
        var stopped: [UInt64: any Error] = [:]
        var callback: (@Sendable (Outcome) -> Void)?
        var nextID: UInt64 = 0
    }

    private let state = Lock(State())

    package init() {}

    package var isResolved: Bool { state.withLock { $0.outcome != nil } }

    /// - Returns: Whether this was the first outcome.
    @discardableResult
    package func resolve(_ outcome: Outcome) -> Bool {
        let waiting = state.withLock { state -> State? in
            guard state.outcome == nil else { return nil }
            let waiting = state
            state.outcome = outcome
            (state.waiters, state.stopped, state.callback) = ([:], [:], nil)
            return waiting
        }
        guard let waiting else { return false }
        for waiter in waiting.waiters.values { waiter.resume(with: outcome) }
        waiting.callback?(outcome)
        return true
    }

    /// Has `callback` called once with the outcome: at once, if it is there already, else by whoever resolves it. There
    /// is one callback; a second one takes the place of the first, and `nil` takes it away.
    func whenResolved(_ callback: (@Sendable (Outcome) -> Void)?) {
        let outcome = state.withLock { state -> Outcome? in
            if state.outcome == nil { state.callback = callback }
            return state.outcome
        }
        if let outcome { callback?(outcome) }
    }

    /// - Parameter limit: how long it is waited for; `nil` for as long as it takes.
    /// - Throws: The error it was resolved with, ``DeadlineExceeded``, or `CancellationError`.
    package func value(within limit: Duration? = nil) async throws -> Value {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let alarm = limit.map { Alarm(after: $0) { self.stopWaiting(id, DeadlineExceeded()) } }
        defer { alarm?.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Value, any Error>) in
                let outcome: Outcome? = state.withLock { state in
                    if let outcome = state.outcome { return outcome }
                    if let reason = state.stopped.removeValue(forKey: id) { return .failure(reason) }
                    state.waiters[id] = waiter
                    return nil
                }
                if let outcome { waiter.resume(with: outcome) }
            }
        } onCancel: {
            stopWaiting(id, CancellationError())
        }
    }

    private func stopWaiting(_ id: UInt64, _ reason: any Error) {
        let waiter = state.withLock { state in
            let waiter = state.waiters.removeValue(forKey: id)
            if waiter == nil, state.outcome == nil { state.stopped[id] = reason }
            return waiter
        }
        waiter?.resume(throwing: reason)
    }
}
