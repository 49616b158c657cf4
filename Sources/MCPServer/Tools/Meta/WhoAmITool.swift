/// `meta.whoami`: what this token is and may do (`mcp.md` 4.2).
struct WhoAmITool: Tool {
    private let settings: any SettingsStore
    private let limiter: RateLimiter
    private let version: String

    init(_ services: ToolServices) {
        settings = services.settings
        limiter = services.rateLimiter
        version = services.version
    }

    let definition = ToolDefinition(
        name: "meta.whoami", title: "Who am I",
        description: """
            Tells which token this connection uses: its owner, its scopes, the servers it is limited to, when it \
            expires, the limits and remaining budget of calls, and the revision of the protocol in use. Call it first to learn which other tools will work: \
            a call without the scope it needs is refused. Takes no arguments and contacts no server.
            """,
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .user([]), exposure: .mcp(toolset: .core), isBrief: true,
        inputSchema: SchemaSource(PackageResources.meta_whoami_input_json),
        outputSchema: SchemaSource(PackageResources.meta_whoami_output_json))

    struct Output: Encodable, Sendable {
        var userID: Int64
        var username: String
        var isAdmin: Bool
        var tokenID: Int64
        var tokenName: String?
        var scopes: [String]
        var serverIDs: [Int64]?
        var expiresAt: Timestamp?
        var limits: Limits
        var budget: Budget?
        var gatewayVersion: String
        var protocolVersion: String?
        var protocolVersions: [String]

        private enum CodingKeys: String, CodingKey {
            case userID = "user_id"
            case username
            case isAdmin = "is_admin"
            case tokenID = "token_id"
            case tokenName = "token_name"
            case scopes
            case serverIDs = "server_ids"
            case expiresAt = "expires_at"
            case limits
            case budget
            case gatewayVersion = "gateway_version"
            case protocolVersion = "protocol_version"
            case protocolVersions = "protocol_versions"
        }
    }

    struct Limits: Encodable, Sendable {
        var callsPerSecond: Int
        var callsPerMinute: Int
        var execTimeoutSecondsMax = ExecTool.longestRun
        var requestBytesMax = 8 << 20
        var fsReadBytesMax = 1 << 20
        var fsWriteBytesMax = FsWriteTool.safeContent

        private enum CodingKeys: String, CodingKey {
            case callsPerSecond = "calls_per_second"
            case callsPerMinute = "calls_per_minute"
            case execTimeoutSecondsMax = "exec_timeout_seconds_max"
            case requestBytesMax = "request_bytes_max"
            case fsReadBytesMax = "fs_read_bytes_max"
            case fsWriteBytesMax = "fs_write_bytes_max"
        }
    }

    struct Budget: Encodable, Sendable {
        var callsThisSecond: Int
        var callsThisMinute: Int

        private enum CodingKeys: String, CodingKey {
            case callsThisSecond = "calls_this_second"
            case callsThisMinute = "calls_this_minute"
        }
    }

    func run(_ input: NoInput, in call: ToolCall) async throws -> Output {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        let current = settings.current
        let limits = RateLimiter.Limits(
            perSecond: current.mcpRateLimitPerSecond, perMinute: current.mcpRateLimitPerMinute)
        let token = call.principal.token
        let budget = token.map { limiter.budget(token: $0.id, limits) }
        return Output(
            userID: user.id, username: user.username, isAdmin: user.isAdministrator, tokenID: token?.id ?? 0,
            tokenName: token?.name, scopes: token?.scopes.map(\.rawValue) ?? [],
            serverIDs: token.flatMap { $0.serverIDs.isEmpty ? nil : $0.serverIDs },
            expiresAt: Timestamp(token?.expiresAt),
            limits: Limits(callsPerSecond: limits.perSecond, callsPerMinute: limits.perMinute),
            budget: budget.map { Budget(callsThisSecond: $0.thisSecond, callsThisMinute: $0.thisMinute) },
            gatewayVersion: version, protocolVersion: call.protocolVersion,
            protocolVersions: MCPProtocol.handshakeVersions + MCPProtocol.statelessVersions)
    }
}
