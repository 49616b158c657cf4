import JSON
import Settings

/// What `tools/list` and the instructions show, in both spellings of the tools' names; made once.
struct ToolListing: Sendable {
    private struct Entry: Sendable {
        var toolset: Toolset
        var shown: [ToolNameStyle: JSONValue]
    }

    private let entries: [Entry]
    private let instructions: [ToolNameStyle: String]

    init(_ registry: ToolRegistry) {
        let tools = registry.exposed(toolsets: Toolset.allCases.map(\.rawValue))
        let names = UnderscoredNames(tools.map(\.definition.name))
        entries = tools.compactMap { tool in
            guard case .mcp(let toolset) = tool.definition.exposure else { return nil }
            let dotted = tool.listEntry
            return Entry(toolset: toolset, shown: [.dotted: dotted, .underscore: names.replaced(in: dotted)])
        }
        instructions = [
            .dotted: MCPProtocol.instructions,
            .underscore: names.replaced(in: MCPProtocol.instructions),
        ]
    }

    /// The entries of `tools/list`.
    func tools(of toolsets: [String], _ style: ToolNameStyle) -> [JSONValue] {
        entries.compactMap { toolsets.contains($0.toolset.rawValue) ? $0.shown[style] : nil }
    }

    func instructions(_ style: ToolNameStyle) -> JSONValue { .string(instructions[style] ?? "") }
}

/// Names of tools and how they are spelt with underscores. They stand in descriptions as well, and a model that reads of
/// one there calls it so.
///
/// All texts of all tools pass here when the gateway starts: each of their bytes is looked at once.
struct UnderscoredNames {
    private struct Name {
        var dotted: [UInt8]
        var underscored: [UInt8]
    }

    /// By their first byte, the longest ones first.
    private var names: [[Name]] = Array(repeating: [], count: 256)

    init(_ names: [String]) {
        for name in names.sorted(by: { $0.utf8.count > $1.utf8.count }) {
            let bytes = Array(name.utf8)
            guard let first = bytes.first, bytes.contains(Self.dot) else { continue }
            self.names[Int(first)].append(
                Name(dotted: bytes, underscored: Array(ToolNameStyle.underscored(name).utf8)))
        }
    }

    private static let dot = UInt8(ascii: ".")

    func replaced(in value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(replaced(in: text))
        case .array(let values): .array(values.map { replaced(in: $0) })
        case .object(let object):
            .object(JSONObject(uniqueMembers: object.map { ($0.key, replaced(in: $0.value)) }))
        case .null, .bool, .number: value
        }
    }

    func replaced(in text: String) -> String {
        let bytes = Array(text.utf8)
        guard bytes.contains(Self.dot) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while let byte = rest.first {
            if let name = names[Int(byte)].first(where: { rest.starts(with: $0.dotted) }) {
                result += name.underscored
                rest = rest.dropFirst(name.dotted.count)
            } else {
                result.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

extension ExposedTool {
    /// The entry of `tools/list` (`mcp.md` 1.5, 10.3 rows 6 and 9).
    var listEntry: JSONValue {
        var entry: JSONObject = [
            "name": .string(definition.name),
            "title": .string(definition.title),
            "description": .string(definition.description),
            "inputSchema": shownInputSchema,
            "outputSchema": outputSchema,
            "annotations": annotations,
        ]
        if let scope = definition.access.firstScope {
            entry["_meta"] = [MCPProtocol.Meta.requiredScope: .string(scope.rawValue)]
        }
        return .object(entry)
    }

    /// Without its top-level `additionalProperties: false`, which a client library for Gemini cannot convert; unknown
    /// arguments are not told by the schema alone (``ToolDefinition/ignoresUnknownArguments(from:)``).
    private var shownInputSchema: JSONValue {
        guard inputSchema["additionalProperties"] == false, var members = inputSchema.objectValue else {
            return inputSchema
        }
        members["additionalProperties"] = nil
        return .object(members)
    }

    private var annotations: JSONValue {
        let hints = definition.annotations
        var object: JSONObject = ["title": .string(definition.title)]
        for (name, value) in [
            ("readOnlyHint", hints.readOnly), ("destructiveHint", hints.destructive),
            ("idempotentHint", hints.idempotent), ("openWorldHint", hints.openWorld),
        ] {
            if let value { object[name] = .bool(value) }
        }
        return .object(object)
    }
}
