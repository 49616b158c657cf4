/// A tool with its schemas compiled and its types erased: JSON in, JSON out. A class, as each call passes it on.
final class RegisteredTool: Sendable {
    let definition: ToolDefinition
    let inputSchema: JSONSchema
    let outputSchema: JSONSchema
    /// Arguments whose schema says `writeOnly`: passwords and the like, of which nothing at all is recorded.
    let secretMembers: Set<String>
    /// Every argument that the input schema names, with its schema.
    private let members: JSONObject
    /// Those that must be given.
    private let required: JSONObject
    private let explain: @Sendable (SchemaViolation, JSONValue) -> String?
    private let perform: @Sendable (JSONValue, ToolCall) async throws -> JSONValue

    /// - Throws: ``ToolRegistryError`` when a schema is no JSON or uses a keyword the validator does not know.
    init<T: Tool>(_ tool: T) throws(ToolRegistryError) {
        definition = tool.definition
        inputSchema = try Self.compile(tool.definition.inputSchema, "input", tool.definition.name)
        outputSchema = try Self.compile(tool.definition.outputSchema, "output", tool.definition.name)
        secretMembers = Self.writeOnlyProperties(of: inputSchema.document)
        members = inputSchema.document["properties"]?.objectValue ?? JSONObject()
        let names = (inputSchema.document["required"]?.arrayValue ?? []).compactMap(\.stringValue)
        required = JSONObject(uniqueMembers: names.map { ($0, .null) })
        explain = { tool.explain($0, in: $1) }
        perform = { arguments, call in
            let input: T.Input
            do {
                input = try JSONValueDecoder().decode(T.Input.self, from: arguments)
            } catch let error as DecodingError {
                throw ToolFailure.invalidArguments("invalid arguments: \(error.pointerAndReason)")
            }
            let output = try await tool.run(input, in: call)
            do {
                return try JSONValueEncoder().encode(output)
            } catch {
                throw ToolFailure.unencodable("\(error)")
            }
        }
    }

    /// The arguments that the tool gets: those that were sent, without those that are spelt as absent, and without members
    /// that it does not know where these are ignored (``ToolDefinition/ignoresUnknownArguments``).
    func checked(_ arguments: JSONValue) -> Result<JSONValue, ArgumentFault> {
        if inputSchema.isValid(arguments) { return .success(arguments) }
        let arguments = given(definition.ignoresUnknownArguments ? known(arguments) : arguments)
        guard let violation = inputSchema.firstViolation(in: arguments) else { return .success(arguments) }
        // The texts of the contract stand alone; clients compare them.
        let text = explain(violation, arguments) ?? "invalid arguments: \(violation)"
        return .failure(
            ArgumentFault(
                failure: .invalidArguments(text),
                isFirst: definition.firstArguments.contains { $0.utf8.elementsEqual(violation.pointer.utf8) }))
    }

    private func known(_ arguments: JSONValue) -> JSONValue {
        guard let object = arguments.objectValue else { return arguments }
        let kept = object.filter { members.contains($0.key) }
        return .object(JSONObject(uniqueMembers: kept.map { ($0.key, $0.value) }))
    }

    /// What is left to a tool of MCP when `null` and, to an optional text, `""` mean absent: clients with strict schemas
    /// write all arguments out, and the reference decodes both as nothing given. What nobody knows stays, to be named.
    private func given(_ arguments: JSONValue) -> JSONValue {
        guard case .mcp = definition.exposure, let object = arguments.objectValue else { return arguments }
        let kept = object.filter { !isAbsent($0.value, $0.key) }
        return .object(JSONObject(uniqueMembers: kept.map { ($0.key, $0.value) }))
    }

    private func isAbsent(_ value: JSONValue, _ key: String) -> Bool {
        switch value {
        case .null: return members.contains(key)
        case .string(let text) where text.isEmpty:
            return !required.contains(key) && members[key]?["type"]?.stringValue == "string"
        default: return false
        }
    }

    func run(_ arguments: JSONValue, in call: ToolCall) async throws -> JSONValue {
        let result = try await perform(arguments, call)
        if let violation = outputSchema.firstViolation(in: result) {
            throw ToolFailure.internalError("result of \(definition.name) breaks its schema: \(violation)")
        }
        return result
    }

    private static func writeOnlyProperties(of schema: JSONValue) -> Set<String> {
        guard let properties = schema["properties"]?.objectValue else { return [] }
        return Set(properties.filter { $0.value["writeOnly"]?.boolValue == true }.map(\.key))
    }

    private static func compile(
        _ source: SchemaSource, _ side: String, _ tool: String
    ) throws(ToolRegistryError) -> JSONSchema {
        do {
            return try JSONSchema(try JSONParser.parse(source.bytes))
        } catch {
            throw .schema(tool: tool, side: side, reason: "\(error)")
        }
    }
}

/// Why a call's arguments are refused: the JSON pointer and the rule, or the contract's own text.
struct ArgumentFault: Error {
    var failure: ToolFailure
    /// Whether it is told before the server is looked up (``ToolDefinition/firstArguments``).
    var isFirst: Bool
}

/// A mistake in the tool list, found when the program starts.
package enum ToolRegistryError: Error, Sendable {
    case schema(tool: String, side: String, reason: String)
    case duplicateName(String)
}

extension DecodingError {
    /// `/args/0: expected a string`, for arguments that a schema let through but the type does not hold.
    var pointerAndReason: String {
        let context: Context
        switch self {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        @unknown default:
            return "not of the expected form"
        }
        var path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
        if case .keyNotFound(let key, _) = self { path.append(key.stringValue) }
        return "/" + path.joined(separator: "/") + ": not of the expected form"
    }
}
