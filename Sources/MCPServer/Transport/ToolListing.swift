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
        let names = tools.map(\.definition.name)
        entries = tools.compactMap { tool in
            guard case .mcp(let toolset) = tool.definition.exposure else { return nil }
            let dotted = tool.listEntry
            return Entry(toolset: toolset, shown: [.dotted: dotted, .underscore: Self.underscored(names, in: dotted)])
        }
        instructions = [
            .dotted: MCPProtocol.instructions,
            .underscore: Self.underscored(names, in: MCPProtocol.instructions),
        ]
    }

    /// The entries of `tools/list`.
    func tools(of toolsets: [String], _ style: ToolNameStyle) -> [JSONValue] {
        entries.compactMap { toolsets.contains($0.toolset.rawValue) ? $0.shown[style] : nil }
    }

    func instructions(_ style: ToolNameStyle) -> JSONValue { .string(instructions[style] ?? "") }

    /// Names stand in descriptions as well, and a model that reads of one there calls it so.
    private static func underscored(_ names: [String], in value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(underscored(names, in: text))
        case .array(let values): .array(values.map { underscored(names, in: $0) })
        case .object(let object):
            .object(JSONObject(uniqueMembers: object.map { ($0.key, underscored(names, in: $0.value)) }))
        case .null, .bool, .number: value
        }
    }

    private static func underscored(_ names: [String], in text: String) -> String {
        names.reduce(text) { $0.replacing($1, with: ToolNameStyle.underscored($1)) }
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
        if case .user(let scopes) = definition.access, let scope = scopes.first {
            entry["_meta"] = [MCPProtocol.Meta.requiredScope: .string(scope.rawValue)]
        }
        return .object(entry)
    }

    /// Without its top-level `additionalProperties: false`, which a client library for Gemini cannot convert; unknown
    /// arguments are not told by the schema alone (``ToolDefinition/ignoresUnknownArguments``).
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
