import JSON
import Primitives

/// Texts for broken arguments that clients match on (`mcp.md` 4.5 to 4.9); the registry puts "invalid arguments: "
/// before them.
enum ArgumentTexts {
    static func path(_ violation: SchemaViolation) -> String? {
        guard violation.pointer == "/path" else { return nil }
        switch violation.keyword {
        case "required", "minLength": return "path required"
        case "maxLength": return "path too long (max 4096 characters)"
        default: return nil
        }
    }

    static func encoding(_ violation: SchemaViolation, _ arguments: JSONValue) -> String? {
        guard violation.pointer == "/encoding", violation.keyword == "enum" else { return nil }
        return "unknown encoding: \((arguments["encoding"]?.stringValue ?? "").cut(toBytes: 64))"
    }

    static func mode(_ violation: SchemaViolation, _ arguments: JSONValue) -> String? {
        guard violation.pointer == "/mode", violation.keyword == "pattern" else { return nil }
        let given = (arguments["mode"]?.stringValue ?? "").cut(toBytes: 64)
        return "invalid mode: \(given) (octal digits such as 0644)"
    }

    static func ifMatch(_ violation: SchemaViolation) -> String? {
        guard violation.pointer == "/if_match_sha256", violation.keyword == "pattern" else { return nil }
        return "if_match_sha256 must be 64 hex chars"
    }
}
