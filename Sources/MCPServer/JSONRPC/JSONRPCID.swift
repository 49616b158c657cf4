package import JSON

/// The id of a request, kept as it was sent: a number's spelling survives, so a 30-digit id or `1.0` is echoed alike.
///
/// `null` is an id of its own (`mcp.md` 1.3); a message without id has no `JSONRPCID` at all.
package enum JSONRPCID: Sendable, Hashable {
    case string(String)
    case number(JSONNumber)
    case null

    /// `nil` for booleans, arrays and objects, which are no ids.
    package init?(_ value: JSONValue) {
        switch value {
        case .string(let text): self = .string(text)
        case .number(let number): self = .number(number)
        case .null: self = .null
        case .bool, .array, .object: return nil
        }
    }

    package var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .number(let number): .number(number)
        case .null: .null
        }
    }
}

extension JSONRPCID: CustomStringConvertible {
    /// The id as JSON text.
    package var description: String { json.text }
}
