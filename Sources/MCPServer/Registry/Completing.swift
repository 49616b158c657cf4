extension ToolCall {
    /// Carries work out to its end once it has begun, though the call be stopped meanwhile: for a change that takes away
    /// the rights under which it was asked for. Its caller learns that it was made.
    func completing<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try Task.checkCancellation()
        return try await Task { try await work() }.value
    }
}
