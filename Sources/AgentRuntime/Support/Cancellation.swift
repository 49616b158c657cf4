/// Runs `operation` and cancels it when `signal` fires; waits for its end either way.
func withCancellation(by signal: Signal, _ operation: @escaping @Sendable () async -> Void) async {
    let _: Void? = try? await withCancellation(by: signal) { () async throws -> Void in await operation() }
}

/// As ``withCancellation(by:_:)``, for what has a result.
/// - Returns: `nil` when the signal fired before there was one.
func withCancellation<Success: Sendable>(
    by signal: Signal, _ operation: @escaping @Sendable () async throws -> Success
) async throws -> Success? {
    try await withThrowingTaskGroup(of: Success?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            await signal.wait()
            return nil
        }
        defer { group.cancelAll() }
        if let result = try await group.next() ?? nil { return result }
        group.cancelAll()
        // It may have had its result all the same; how it failed when it was not wanted any more is no matter.
        return (try? await group.next() ?? nil) ?? nil
    }
}
