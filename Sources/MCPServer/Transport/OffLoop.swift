/// Work that computes for long, away from the event loop of the connection that asks for it: everybody else on that loop
/// would wait for it.
enum OffLoop {
    /// - Returns: what `work` returns. It runs on the runtime's own threads, and what it calls does, too.
    // @concurrent alone leaves the loop as an actor, but not as the executor that the task prefers.
    @concurrent
    static func run<Value: Sendable>(_ work: @Sendable () async -> Value) async -> Value {
        await withTaskExecutorPreference(globalConcurrentExecutor) { await work() }
    }
}
