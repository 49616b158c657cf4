import JSON

/// How the outcome of a tool call looks in an answer of `tools/call` (`mcp.md` 5).
enum ToolResultEncoding {
    /// Text and structured content are the same document, so it is written once and then quoted.
    /// - Parameter more: further members of the result.
    static func writeSuccess(_ value: JSONValue, _ more: JSONObject, to writer: inout JSONWriter) {
        var document = JSONWriter(capacity: 1024)
        document.write(value)
        writer.reserve(document.count * 9 / 4 + 128)
        writer.write(raw: #"{"content":[{"type":"text","text":"#)
        writer.write(quoting: document)
        writer.write(raw: #"}],"structuredContent":"#)
        writer.write(raw: document)
        writer.write(membersOf: more, afterOthers: true)
        writer.write(raw: "}")
    }

    /// Only the text and the mark, so that no strict client holds it against the success schema; the one exception is
    /// a `server.exec` whose whole result satisfies that schema. The machine-readable code is in `_meta`.
    static func failure(_ failure: ToolFailure) -> JSONObject {
        var meta: JSONObject = [
            MCPProtocol.Meta.errorCode: .string(failure.outcome.rawValue),
            MCPProtocol.Meta.retryable: .bool(failure.outcome.isRetryable),
        ]
        if let seconds = failure.retryAfterSeconds {
            meta[MCPProtocol.Meta.retryAfterSeconds] = .integer(Int64(seconds))
        }
        var result: JSONObject = ["content": [content(failure.message)]]
        if case .agentError(_, let structured?) = failure { result["structuredContent"] = structured }
        result["isError"] = true
        result["_meta"] = .object(meta)
        return result
    }

    private static func content(_ text: String) -> JSONValue {
        .object(JSONObject(uniqueMembers: [("type", "text"), ("text", .string(text))]))
    }
}
