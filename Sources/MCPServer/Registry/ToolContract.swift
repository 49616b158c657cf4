import JSON
import Synchronization

/// What the schemas of a tool say, compiled.
final class ToolContract: Sendable {
    let inputSchema: JSONSchema
    let outputSchema: JSONSchema
    /// Arguments whose schema says `writeOnly`: passwords and the like, of which nothing at all is recorded.
    let secretMembers: Set<String>
    /// Arguments whose schema says `"x-audit": "keep"`: the audit log keeps their values, of all others a digest.
    let keptMembers: [String: KeptArgument]
    /// Arguments whose schema says `"x-audit": "omit"`: rows are as if they had not been given.
    let omittedMembers: Set<String>
    /// Every argument that the input schema names, with its schema.
    let members: JSONObject
    /// Those that must be given.
    let required: JSONObject

    /// - Throws: ``ToolRegistryError`` when a schema is no JSON or uses a keyword the validator does not know.
    init(_ definition: ToolDefinition) throws(ToolRegistryError) {
        let input = Self.closed(
            try Self.document(definition.inputSchema, "input", definition.name), definition.exposure)
        let output = try Self.document(definition.outputSchema, "output", definition.name)
        inputSchema = try Self.compile(input, "input", definition.name)
        outputSchema = try Self.compile(output, "output", definition.name)
        let kept = (input["properties"]?.objectValue ?? [:]).compactMap { name, schema in
            KeptArgument(schema).map { (name, $0) }
        }
        keptMembers = Dictionary(kept, uniquingKeysWith: { first, _ in first })
        secretMembers = Self.properties(of: input) { $0["writeOnly"]?.boolValue == true }
        omittedMembers = Self.properties(of: input) { $0["x-audit"] == "omit" }
        members = inputSchema.document["properties"]?.objectValue ?? JSONObject()
        let names = (inputSchema.document["required"]?.arrayValue ?? []).compactMap(\.stringValue)
        required = JSONObject(uniqueMembers: names.map { ($0, .null) })
    }

    /// Schemas of MCP say that there are no other members, also where the file is one of REST's, which leaves it open.
    private static func closed(_ input: JSONValue, _ exposure: ToolExposure) -> JSONValue {
        guard case .mcp = exposure, var members = input.objectValue else { return input }
        members["additionalProperties"] = false
        return .object(members)
    }

    private static func properties(of schema: JSONValue, where matches: (JSONValue) -> Bool) -> Set<String> {
        Set((schema["properties"]?.objectValue ?? [:]).filter { matches($0.value) }.map(\.key))
    }

    private static func document(
        _ source: SchemaSource, _ side: String, _ tool: String
    ) throws(ToolRegistryError) -> JSONValue {
        do { return try source.document() } catch { throw .schema(tool: tool, side: side, reason: "\(error)") }
    }

    private static func compile(
        _ document: JSONValue, _ side: String, _ tool: String
    ) throws(ToolRegistryError) -> JSONSchema {
        do {
            return try JSONSchema(document.withoutExtensions)
        } catch {
            throw .schema(tool: tool, side: side, reason: "\(error)")
        }
    }
}

/// Contracts that are made once for all registries of a process that share them: a gateway has one registry, a run of
/// tests hundreds.
package final class ToolContracts: Sendable {
    private struct Made {
        var definition: ToolDefinition
        var contract: ToolContract
    }

    private let made = Mutex<[String: Made]>([:])

    package init() {}

    /// - Throws: as ``ToolContract/init(_:)``.
    func contract(of definition: ToolDefinition) throws(ToolRegistryError) -> ToolContract {
        if let known = made.withLock({ $0[definition.name] }), known.definition.hasSchemas(of: definition) {
            return known.contract
        }
        let contract = try ToolContract(definition)
        made.withLock { $0[definition.name] = Made(definition: definition, contract: contract) }
        return contract
    }
}

extension ToolDefinition {
    fileprivate func hasSchemas(of other: ToolDefinition) -> Bool {
        inputSchema.bytes == other.inputSchema.bytes && outputSchema.bytes == other.outputSchema.bytes
            && exposure == other.exposure
    }
}
