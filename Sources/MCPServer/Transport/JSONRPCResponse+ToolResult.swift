package import JSON

extension JSONRPCResponse {
    /// The bytes of the answer to a call of a tool that went well.
    /// - Parameter more: further members of the result.
    package static func success(id: JSONRPCID?, toolResult: JSONValue, _ more: JSONObject = JSONObject()) -> [UInt8] {
        serialized(id: id) { ToolResultEncoding.writeSuccess(toolResult, more, to: &$0) }
    }
}
