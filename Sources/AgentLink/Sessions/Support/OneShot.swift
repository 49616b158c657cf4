import Synchronization

/// A value that comes once and is awaited: a reply, an attachment, the end of a stream. The first outcome wins, later
/// ones are dropped. A waiter that is cancelled stops waiting at once.
final class OneShot<Value: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Value, any Error>

    private struct State {
        var outcome: Result<Value, any Error>?
        var waiters: [UInt64: Waiter] = [:]
        var nextID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// - Returns: Whether this was the first outcome.
    @discardableResult
    func resolve(_ outcome: Result<Value, any Error>) -> Bool {
        let waiters: [Waiter]? = state.withLock { state in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            let waiters = Array(state.waiters.values)
            state.waiters = [:]
            return waiters
        }
        waiters?.forEach { $0.resume(with: outcome) }
        return waiters != nil
    }

    /// - Throws: The error it was resolved with, or `CancellationError`.
    func value() async throws -> Value {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: Waiter) in
                let outcome: Result<Value, any Error>? = state.withLock { state in
                    if let outcome = state.outcome { return outcome }
                    // Cancelled before the waiter was here to be found by the handler below.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[id] = waiter
                    return nil
                }
                if let outcome { waiter.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }
}
