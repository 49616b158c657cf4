/// The time given to an operation is over.
struct DeadlineExceeded: Error {}

/// Runs `operation` for at most `limit`, then cancels it and waits for its end.
/// - Throws: ``DeadlineExceeded``, or what `operation` throws.
func withDeadline<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await operation() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        guard let first = try await group.next(), let value = first else { throw DeadlineExceeded() }
        return value
    }
}

/// Runs `operation` and cancels it when `signal` fires; waits for its end either way.
func withCancellation(by signal: Signal, _ operation: @escaping @Sendable () async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
        group.addTask { await operation() }
        group.addTask { await signal.wait() }
        await group.next()
        group.cancelAll()
    }
}
