import Transport

/// Wakes the tasks that wait for something to change on a loop.
///
/// A task that prefers another executor leaves the loop's thread at every call, also at those that wait for nothing, and
/// the loop has turns meanwhile. So what was looked at before a wait may be another by the time that the task is in the
/// list, and is looked at once more then.
final class LoopSignal {
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Waits for as long as things are as `mustWait` says, which is looked at again whenever something has changed.
    /// - Throws: `CancellationError` when the task is cancelled and would have to wait.
    func wait(on loop: isolated EventLoop, while mustWait: () -> Bool) async throws {
        while mustWait() {
            try Task.checkCancellation()
            await park(on: loop, while: mustWait)
        }
    }

    /// Returns when woken, at once when there is nothing to wait for or when the task is cancelled.
    private func park(on loop: isolated EventLoop, while mustWait: () -> Bool) async {
        let bound = LoopBound(self, on: loop)
        await withTaskCancellationHandler {
            // A closure that does not name the loop is nobody's: it runs on the executor that its task prefers.
            await withCheckedContinuation { continuation in add(continuation, on: loop, while: mustWait) }
        } onCancel: {
            Task(executorPreference: bound.loop.executor) {
                await bound.loop.run { loop in bound.get(on: loop).wake() }
            }
        }
    }

    private func add(
        _ continuation: CheckedContinuation<Void, Never>, on loop: isolated EventLoop, while mustWait: () -> Bool
    ) {
        if Task.isCancelled || !mustWait() { continuation.resume() } else { waiting.append(continuation) }
    }

    func wake() {
        let woken = waiting
        waiting = []
        for continuation in woken { continuation.resume() }
    }
}
