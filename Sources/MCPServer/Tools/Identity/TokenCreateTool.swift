import Storage

/// `token.create`: a new token; the only time that its secret is shown (`mcp.md` 8.6).
struct TokenCreateTool: Tool {
    private let issuer: TokenIssuer

    init(_ services: ToolServices) {
        issuer = services.issuer
    }

    let definition = ToolDefinition(
        name: "token.create", title: "Make a token",
        description: "Makes a Personal Access Token for the caller and shows its secret, this once.",
        access: .sessionOnly, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.token_create_input_json),
        outputSchema: SchemaSource(PackageResources.token_create_output_json))

    struct Input: Decodable, Sendable {
        var name: String
        var scopes: [String]
        var serverIDs: [Int64]?
        var expiresInDays: Int64?

        private enum CodingKeys: String, CodingKey {
            case name
            case scopes
            case serverIDs = "server_ids"
            case expiresInDays = "expires_in_days"
        }
    }

    struct Output: Encodable, Sendable {
        var id: Int64
        var name: String
        var token: String
        var scopes: [String]
        var serverIDs: [Int64]?
        var expiresAt: Timestamp?

        private enum CodingKeys: String, CodingKey {
            case id
            case name
            case token
            case scopes
            case serverIDs = "server_ids"
            case expiresAt = "expires_at"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        let request = TokenIssuer.Request(
            name: input.name, scopes: input.scopes, serverIDs: input.serverIDs ?? [],
            expiresInDays: input.expiresInDays ?? 0)
        let issued = try await issuer.issue(request, for: user)
        return Output(
            id: issued.token.id, name: issued.token.name, token: issued.secret, scopes: issued.token.scopes,
            serverIDs: issued.token.serverIDs.nonEmpty, expiresAt: Timestamp(issued.token.expiresAt))
    }
}
