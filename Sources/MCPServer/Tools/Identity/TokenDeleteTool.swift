import Storage

/// `token.delete`: revoke a token; whatever runs under it ends before this answers (`mcp.md` 6.3).
struct TokenDeleteTool: Tool {
    private let issuer: TokenIssuer
    private let identity: IdentityCache
    private let live: LiveWork
    private let transferURLs: TransferURLs

    init(_ services: ToolServices) {
        issuer = services.issuer
        identity = services.identity
        live = services.live
        transferURLs = services.transferURLs
    }

    let definition = ToolDefinition(
        name: "token.delete", title: "Revoke a token",
        description: "Deletes a token of the caller's, or anybody's for an administrator, and ends what runs under it.",
        annotations: ToolAnnotations(destructive: true),
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.token_delete_input_json),
        outputSchema: SchemaSource(PackageResources.token_delete_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        try await issuer.revoke(id: input.id, by: call.principal)
        transferURLs.purge { $0.tokenID == input.id }
        try await identity.refresh()
        live.cancel(cause: .rightsLost) { $0.principal.token?.id == input.id }
        return NoOutput()
    }
}
