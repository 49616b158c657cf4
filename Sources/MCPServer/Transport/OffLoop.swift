/// Work that computes for long, away from the event loop of the connection that asks for it: everybody else on that loop
/// would wait for it.
enum OffLoop {
    /// - Returns: what `work` returns. It runs on the runtime's own threads, and what it calls does, too; it is cancelled
    ///   with the caller.
    // A task of its own: `withTaskExecutorPreference` does not leave the loop that runs the caller's (Swift 6.3.1).
    static func run<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        let task = Task(executorPreference: globalConcurrentExecutor) { await work() }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }
}
