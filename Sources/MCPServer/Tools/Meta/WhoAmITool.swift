import JSON
import Settings

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

    private static let protocolVersions = JSONValue.array(
        (MCPProtocol.handshakeVersions + MCPProtocol.statelessVersions).map { .string($0) })

    /// Written as JSON here: it is the tool that clients call most, often only to see that they still may.
    func run(_ input: NoInput, in call: ToolCall) async throws -> JSONObject {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        let current = settings.shared
        let limits = RateLimiter.Limits(
            perSecond: current.value.mcpRateLimitPerSecond, perMinute: current.value.mcpRateLimitPerMinute)
        let token = call.principal.token
        var output = JSONObject()
        output.reserveCapacity(13)
        output["user_id"] = .integer(user.id)
        output["username"] = .string(user.username)
        output["is_admin"] = .bool(user.isAdministrator)
        output["token_id"] = .integer(token?.id ?? 0)
        output["token_name"] = token.map { .string($0.name) }
        output["scopes"] = .array(token?.scopes.map { .string($0.rawValue) } ?? [])
        if let servers = token?.serverIDs, !servers.isEmpty {
            output["server_ids"] = .array(servers.map { .integer($0) })
        }
        output["expires_at"] = Timestamp(token?.expiresAt).map { .string($0.text) }
        output["limits"] = [
            "calls_per_second": .integer(Int64(limits.perSecond)),
            "calls_per_minute": .integer(Int64(limits.perMinute)),
            "exec_timeout_seconds_max": .integer(Int64(ExecTool.longestRun)),
            "request_bytes_max": .integer(8 << 20),
            "fs_read_bytes_max": .integer(1 << 20),
            "fs_write_bytes_max": .integer(Int64(FsWriteTool.safeContent)),
        ]
        if let token {
            let budget = limiter.budget(token: token.id, limits)
            output["budget"] = [
                "calls_this_second": .integer(Int64(budget.thisSecond)),
                "calls_this_minute": .integer(Int64(budget.thisMinute)),
            ]
        }
        output["gateway_version"] = .string(version)
        output["protocol_version"] = call.protocolVersion.map { .string($0) }
        output["protocol_versions"] = Self.protocolVersions
        return output
    }
}
