import Synchronization

/// The tasks in progress by their id, for the extension `cancel` (`agent-link.md` 6).
final class RunningTasks: Sendable {
    private let signals = Mutex<[UInt64: Signal]>([:])

    /// Registers a task before it starts, so that not even the quickest cancel is lost.
    /// - Returns: What fires when the task is to stop. Id 0 names no task.
    func register(_ id: UInt64) -> Signal {
        let signal = Signal()
        if id != 0 { signals.withLock { $0[id] = signal } }
        return signal
    }

    func remove(_ id: UInt64, _ signal: Signal) {
        signals.withLock { signals in
            // A later task of the same id has taken the place (probes keep theirs).
            if signals[id] === signal { signals[id] = nil }
        }
    }

    /// An unknown id is ignored.
    func cancel(_ id: UInt64) {
        signals.withLock { $0[id] }?.fire()
    }
}
