import Transport

/// Wakes the tasks that wait for something to change on a loop. A woken task looks itself whether it has changed, and
/// waits again if not.
final class LoopSignal {
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Returns when woken, or when the task is cancelled, at once then.
    func wait(on loop: isolated EventLoop) async {
        let bound = LoopBound(self, on: loop)
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume() } else { waiting.append(continuation) }
            }
        } onCancel: {
            Task(executorPreference: bound.loop.executor) {
                await bound.loop.run { loop in bound.get(on: loop).wake() }
            }
        }
    }

    func wake() {
        let woken = waiting
        waiting = []
        for continuation in woken { continuation.resume() }
    }
}
