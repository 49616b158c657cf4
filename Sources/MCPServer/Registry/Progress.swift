/// Tells the client how far a call is. Each `done` is greater than the one before; `total` is `nil` where nobody knows.
/// Returns at once: a slow client misses steps, never the result.
package typealias ProgressReporter = @Sendable (_ done: Double, _ total: Double?) -> Void

extension ToolCall {
    /// Does the work while the client, if it asked for progress, is told every second how many have passed.
    func tellingSeconds<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
        guard let progress else { return try await work() }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for second in 1... {
                    try await Task.sleep(for: .seconds(1))
                    progress(Double(second), nil)
                }
            }
            defer { group.cancelAll() }
            return try await work()
        }
    }
}
