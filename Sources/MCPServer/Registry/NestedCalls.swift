import JSON

/// The tools that a running tool may call, on behalf of the same principal and through the same door: each call is
/// authorised, registered as live work and audited by itself, under the request id of the outer one.
struct NestedCalls: Sendable {
    let invoke:
        @Sendable (_ tool: String, _ arguments: JSONValue, _ call: ToolCall) async -> Result<JSONValue, ToolFailure>
    /// The outer call; no inner one begins once it has been told to stop.
    let outer: LiveWork.ID
    /// Why the outer call was told to stop; its inner calls stop for the same cause.
    let cause: @Sendable () -> CancellationCause?
}

extension ToolCall {
    /// Calls another tool from within a running one.
    func invoke(_ tool: String, _ arguments: JSONValue) async -> Result<JSONValue, ToolFailure> {
        guard let nested else { return .failure(.internalError("\(tool) called from outside of a tool")) }
        var inner = self
        // How far an inner call is says nothing of the whole.
        inner.progress = nil
        inner.socket = nil
        inner.body = nil
        inner.leavesRow = nil
        return await nested.invoke(tool, arguments, inner)
    }
}
