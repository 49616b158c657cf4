import Storage

/// `token.list`: the caller's own tokens (`mcp.md` 8.6).
struct TokenListTool: Tool {
    private let issuer: TokenIssuer

    init(_ services: ToolServices) {
        issuer = services.issuer
    }

    let definition = ToolDefinition(
        name: "token.list", title: "List own tokens", description: "Lists the caller's tokens, without their secrets.",
        annotations: ToolAnnotations(readOnly: true),
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.token_list_input_json),
        outputSchema: SchemaSource(PackageResources.token_list_output_json))

    struct Item: Encodable, Sendable {
        var id: Int64
        var name: String
        var scopes: [String]
        var serverIDs: [Int64]?
        var expiresAt: Timestamp?
        var lastUsedAt: Timestamp?
        var lastUsedIP: String?
        var createdAt: Timestamp

        private enum CodingKeys: String, CodingKey {
            case id
            case name
            case scopes
            case serverIDs = "server_ids"
            case expiresAt = "expires_at"
            case lastUsedAt = "last_used_at"
            case lastUsedIP = "last_used_ip"
            case createdAt = "created_at"
        }
    }

    func run(_ input: NoInput, in call: ToolCall) async throws -> [Item] {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        return try await issuer.tokens(of: user.id).map { token in
            Item(
                id: token.id, name: token.name, scopes: token.scopes, serverIDs: token.serverIDs.nonEmpty,
                expiresAt: Timestamp(token.expiresAt), lastUsedAt: Timestamp(token.lastUsedAt),
                lastUsedIP: token.lastUsedIP.nonEmpty, createdAt: Timestamp(token.createdAt))
        }
    }
}
