import JSON

/// How MCP shows the result of a tool that gives an array, as REST wants it: structured content is an object, and so is
/// what an output schema describes.
enum ListResult {
    private static let member = "items"

    /// - Parameter document: the output schema of a tool.
    static func isNeeded(_ document: JSONValue) -> Bool {
        document["type"]?.stringValue?.utf8.elementsEqual("array".utf8) ?? false
    }

    /// The output schema that MCP shows.
    static func schema(_ document: JSONValue) -> JSONValue {
        guard isNeeded(document) else { return document }
        return [
            "type": "object", "properties": .object([member: document]), "required": [.string(member)],
        ]
    }

    static func wrapped(_ result: JSONValue) -> JSONValue { .object([member: result]) }
}
