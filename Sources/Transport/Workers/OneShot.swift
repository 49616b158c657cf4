/// One result for one waiter, from wherever it comes first.
package final class OneShot<Success: Sendable>: Sendable {
    private enum State {
        case open
        case waiting(CheckedContinuation<Success, Never>)
        case done(Success)
        case taken
    }

    private let state = Lock(State.open)

    package init() {}

    /// - Returns: false if there was one before; this one is dropped.
    @discardableResult
    package func set(_ result: Success) -> Bool {
        let (isFirst, waiter): (Bool, CheckedContinuation<Success, Never>?) = state.withLock { state in
            switch state {
            case .open:
                state = .done(result)
                return (true, nil)
            case .waiting(let waiter):
                state = .taken
                return (true, waiter)
            case .done, .taken: return (false, nil)
            }
        }
        waiter?.resume(returning: result)
        return isFirst
    }

    /// Waits for the result; once only.
    /// - Parameter cancelled: the result if the task is cancelled before there is one.
    package func wait(cancelled: Success) async -> Success {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result: Success? = state.withLock { state in
                    guard case .done(let result) = state else {
                        state = .waiting(continuation)
                        return nil
                    }
                    state = .taken
                    return result
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            set(cancelled)
        }
    }
}
