import JSON
import MCPServer

/// A value of the size that calls have in practice, made from a schema: every property is there, lists have three items,
/// and what the schema gives as an example, default or allowed value is taken.
struct TypicalValue {
    private let candidates: [JSONValue] = [
        "2026-03-14T09:26:53Z", "a typical text of thirty letters", "en_US",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "",
    ]

    func value(of schema: JSONValue) throws -> JSONValue {
        if let example = schema["examples"]?.arrayValue?.first { return example }
        if let allowed = schema["enum"]?.arrayValue?.first { return allowed }
        if let value = schema["default"] { return value }
        for type in types(of: schema) {
            switch type {
            case "object": return try object(schema)
            case "array": return try .array(elements(schema))
            case "string": return try text(schema)
            case "boolean": return true
            case "integer":
                let least = max(1_234_567, schema["minimum"]?.int64Value ?? 0)
                return .integer(min(least, schema["maximum"]?.int64Value ?? least))
            case "number": return .double(17.25)
            default: continue
            }
        }
        throw Unmakeable(schema: schema)
    }

    private func types(of schema: JSONValue) -> [String] {
        if let one = schema["type"]?.stringValue { return [one] }
        return schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    private func object(_ schema: JSONValue) throws -> JSONValue {
        var object = JSONObject()
        for (name, member) in schema["properties"]?.objectValue ?? [:] { object[name] = try value(of: member) }
        if let others = schema["additionalProperties"], others.objectValue != nil {
            object["1"] = try value(of: others)
        }
        return .object(object)
    }

    private func elements(_ schema: JSONValue) throws -> [JSONValue] {
        guard let items = schema["items"] else { return [] }
        let element = try value(of: items)
        return schema["uniqueItems"]?.boolValue == true ? [element] : [element, element, element]
    }

    /// The first text that the schema lets through.
    private func text(_ schema: JSONValue) throws -> JSONValue {
        let compiled = try JSONSchema(schema)
        guard let text = candidates.first(where: { compiled.isValid($0) }) else { throw Unmakeable(schema: schema) }
        return text
    }

    struct Unmakeable: Error {
        var schema: JSONValue
    }
}
