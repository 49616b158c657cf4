import Storage

/// `token.rename`: another name for a token; what it may do stays as it was made. Ours: the reference has none.
struct TokenRenameTool: Tool {
    private let issuer: TokenIssuer
    private let identity: IdentityCache

    init(_ services: ToolServices) {
        issuer = services.issuer
        identity = services.identity
    }

    let definition = ToolDefinition(
        name: "token.rename", title: "Rename a token",
        description: "Gives a token of the caller's, or anybody's for an administrator, another name.",
        annotations: ToolAnnotations(destructive: false, idempotent: true),
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.token_rename_input_json),
        outputSchema: SchemaSource(PackageResources.token_rename_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
        var name: String
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        try await issuer.rename(id: input.id, to: input.name, by: call.principal)
        // Names are shown from memory, too.
        try await identity.refresh()
        return NoOutput()
    }
}
