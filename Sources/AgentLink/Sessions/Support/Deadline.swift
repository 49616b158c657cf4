import Primitives
import Transport

/// The time given to an operation is over.
package struct DeadlineExceeded: Error {}

/// Runs `operation` for at most `limit`.
///
/// The operation is cancelled when the time is over or when the caller is cancelled, and must then return soon: this
/// function waits for it.
/// - Throws: ``DeadlineExceeded``, `CancellationError`, or what `operation` throws.
package func withDeadline<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await operation() }
        group.addTask {
            try await EventLoop.nearest.sleep(milliseconds: limit.timerMilliseconds)
            return nil
        }
        guard let outcome = try await group.next(), let value = outcome else { throw DeadlineExceeded() }
        return value
    }
}
