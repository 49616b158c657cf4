/// Runs `operation` and cancels it when `signal` fires; waits for its end either way.
func withCancellation(by signal: Signal, _ operation: @escaping @Sendable () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
        group.addTask { await operation() }
        group.addTask { await signal.wait() }
        await group.next()
        group.cancelAll()
    }
}
