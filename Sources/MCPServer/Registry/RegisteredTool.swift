import JSON

/// A tool with its types erased: JSON in, JSON out, checked by its contract. A class, as each call passes it on.
final class RegisteredTool: Sendable {
    let definition: ToolDefinition
    let contract: ToolContract
    let statistics = CallStatistics()
    private let explain: @Sendable (SchemaViolation, JSONValue) -> String?
    /// The result has passed the output schema.
    private let perform: @Sendable (JSONValue, ToolCall) async throws -> ToolResult

    /// - Throws: ``ToolRegistryError`` when a record's schema has no pieces.
    init<T: Tool>(_ tool: T, _ contract: ToolContract) throws(ToolRegistryError) {
        definition = tool.definition
        self.contract = contract
        explain = { tool.explain($0, in: $1) }
        let pieces = try Self.pieces(tool, contract.outputSchema)
        perform = { arguments, call in
            let input: T.Input
            do {
                input = try JSONValueDecoder().decode(T.Input.self, from: arguments)
            } catch let error as DecodingError {
                throw ToolFailure.invalidArguments("invalid arguments: \(error.pointerAndReason)")
            }
            let output = try await tool.run(input, in: call)
            guard let pieces else { return .value(try Self.checked(output, of: tool, contract.outputSchema)) }
            guard let list = output as? RecordList else {
                throw ToolFailure.internalError("\(tool.definition.name) lists no records")
            }
            return .records(try await pieces.written(list))
        }
    }

    /// How each record of a list is checked and becomes JSON; `nil` for a tool whose result is one value.
    private static func pieces<T: Tool>(_ tool: T, _ schema: JSONSchema) throws(ToolRegistryError) -> RecordPieces? {
        guard T.Output.self == RecordList.self else { return nil }
        do { return try RecordPieces(schema.document) } catch {
            throw .schema(tool: tool.definition.name, side: "output", reason: "\(error)")
        }
    }

    /// An output as JSON, once it has passed the schema.
    private static func checked<T: Tool>(_ output: T.Output, of tool: T, _ schema: JSONSchema) throws -> JSONValue {
        let result: JSONValue
        do {
            result = try JSONValueEncoder().encode(output)
        } catch {
            throw ToolFailure.unencodable("\(error)")
        }
        if let violation = schema.firstViolation(in: result) {
            throw ToolFailure.internalError("result of \(tool.definition.name) breaks its schema: \(violation)")
        }
        return result
    }

    /// The arguments that the tool gets: those that were sent, without those that are spelt as absent, and without members
    /// that it does not know where these are ignored (``ToolDefinition/ignoresUnknownArguments(from:)``).
    func checked(_ arguments: JSONValue, from origin: ToolCall.Origin) -> Result<JSONValue, ArgumentFault> {
        if contract.inputSchema.isValid(arguments) { return .success(arguments) }
        let named = definition.ignoresUnknownArguments(from: origin) ? known(arguments) : arguments
        let arguments = origin == .rest ? named : given(named)
        guard let violation = contract.inputSchema.firstViolation(in: arguments) else { return .success(arguments) }
        // The texts of the contract stand alone; clients compare them.
        let text = explain(violation, arguments) ?? "invalid arguments: \(violation)"
        return .failure(
            ArgumentFault(
                failure: .invalidArguments(Message(verbatim: text)),
                isFirst: definition.firstArguments.contains { $0.utf8.elementsEqual(violation.pointer.utf8) }))
    }

    private func known(_ arguments: JSONValue) -> JSONValue {
        arguments.keeping { contract.members.contains($0) }
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
        case .null: return contract.members.contains(key)
        case .string(let text) where text.isEmpty:
            return !contract.required.contains(key) && contract.members[key]?["type"]?.stringValue == "string"
        default: return false
        }
    }

    /// The arguments that the audit log learns of.
    func recorded(_ arguments: JSONValue) -> JSONValue {
        contract.omittedMembers.isEmpty ? arguments : arguments.keeping { !contract.omittedMembers.contains($0) }
    }

    func run(_ arguments: JSONValue, in call: ToolCall) async throws -> ToolResult {
        try await perform(arguments, call)
    }
}

extension JSONValue {
    /// An object with those of its members whose names are wanted; anything else as it is.
    fileprivate func keeping(_ isWanted: (String) -> Bool) -> JSONValue {
        guard let object = objectValue else { return self }
        let kept = object.filter { isWanted($0.key) }
        return .object(JSONObject(uniqueMembers: kept.map { ($0.key, $0.value) }))
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
