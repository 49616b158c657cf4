import Storage

/// `audit.list`: what was called, by whom and how it ended (`mcp.md` 5.6).
struct AuditListTool: Tool {
    private let repository: any AuditRepository

    init(_ services: ToolServices) {
        repository = services.storage.audit
    }

    private static let defaultLimit = 50

    let definition = ToolDefinition(
        name: "audit.list", title: "List past calls",
        description: """
            Lists past calls of tools and uses of transfer URLs, newest first: when, by which user and token, which \
            tool on which server, how it ended and how long it took. A token shows its own calls; with the scope \
            nezha:server:read all calls of its user, log-ins and other tokens included; with nezha:admin:* those of an \
            administrator show everybody's. A token with a list of servers sees calls on those, and calls without \
            server. Arguments and results are never shown. Rows appear about a second after the call. For the next \
            page pass next_before as before. Example: {"limit": 20, "tool": "server.exec"}.
            """,
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .user([]), exposure: .mcp(toolset: .audit),
        inputSchema: SchemaSource(PackageResources.audit_list_input_json),
        outputSchema: SchemaSource(PackageResources.audit_list_output_json))

    struct Input: Decodable, Sendable {
        var limit: Int?
        var before: Int64?
        var tool: String?
    }

    struct Output: Encodable, Sendable {
        var rows: [Row]
        /// Absent on the last page.
        var nextBefore: Int64?

        private enum CodingKeys: String, CodingKey {
            case rows
            case nextBefore = "next_before"
        }
    }

    struct Row: Encodable, Sendable {
        var id: Int64
        var createdAt: Timestamp
        var userID: Int64
        var tokenID: Int64
        var tool: String
        var serverID: Int64
        var outcome: String
        var error: String?
        var durationMilliseconds: Int64
        var ip: String
        var requestID: String

        private enum CodingKeys: String, CodingKey {
            case id
            case createdAt = "created_at"
            case userID = "user_id"
            case tokenID = "token_id"
            case tool
            case serverID = "server_id"
            case outcome
            case error
            case durationMilliseconds = "duration_ms"
            case ip
            case requestID = "request_id"
        }

        init(_ record: AuditRecord) {
            id = record.id
            createdAt = Timestamp(record.createdAt)
            userID = record.userID
            tokenID = record.tokenID
            tool = record.tool
            // Rows of older versions may hold what a refused call named.
            serverID = max(0, record.serverID)
            outcome = record.outcome
            error = record.errorMessage.nonEmpty
            durationMilliseconds = record.durationMilliseconds
            ip = record.ip
            requestID = record.requestID
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let limit = input.limit ?? Self.defaultLimit
        let visible = try Self.visible(to: call.principal)
        let selection = AuditSelection(
            userID: visible.user, tokenID: visible.token, before: input.before, tool: input.tool?.nonEmpty,
            serverIDs: call.principal.token?.serverIDs.nonEmpty)
        // One more than shown tells whether there is another page.
        let found = try await repository.rows(selection, limit: limit + 1)
        let shown = found.prefix(limit)
        return Output(rows: shown.map(Row.init), nextBefore: found.count > limit ? shown.last?.id : nil)
    }

    /// Whose rows the caller may see; `nil` = those of every user, of every token. Rows of user 0 are nobody's own.
    private static func visible(to principal: Principal) throws(ToolFailure) -> (user: Int64?, token: Int64?) {
        if principal.isAdministrator, principal.token?.grants(.admin) ?? true { return (nil, nil) }
        guard let user = principal.user, user.id > 0 else { throw .unauthenticated }
        // What was done elsewhere is for tokens that may look at servers at all.
        guard let token = principal.token, !token.grants(.serverRead) else { return (user.id, nil) }
        return (user.id, token.id)
    }
}
