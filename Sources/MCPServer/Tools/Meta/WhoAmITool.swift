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
        output.appendNew("user_id", .integer(user.id))
        output.appendNew("username", .string(user.username))
        output.appendNew("is_admin", .bool(user.isAdministrator))
        output.appendNew("token_id", .integer(token?.id ?? 0))
        if let token { output.appendNew("token_name", .string(token.name)) }
        output.appendNew("scopes", .array(token?.scopes.map { .string($0.rawValue) } ?? []))
        if let servers = token?.serverIDs, !servers.isEmpty {
            output.appendNew("server_ids", .array(servers.map { .integer($0) }))
        }
        if let expiry = Timestamp(token?.expiresAt) { output.appendNew("expires_at", .string(expiry.text)) }
        output.appendNew("limits", Self.limits(limits))
        if let token {
            let budget = limiter.budget(token: token.id, limits)
            output.appendNew(
                "budget",
                [
                    "calls_this_second": .integer(Int64(budget.thisSecond)),
                    "calls_this_minute": .integer(Int64(budget.thisMinute)),
                ])
        }
        output.appendNew("gateway_version", .string(version))
        if let revision = call.protocolVersion { output.appendNew("protocol_version", .string(revision)) }
        output.appendNew("protocol_versions", Self.protocolVersions)
        return output
    }

    private static func limits(_ calls: RateLimiter.Limits) -> JSONValue {
        var limits = JSONObject()
        limits.reserveCapacity(6)
        limits.appendNew("calls_per_second", .integer(Int64(calls.perSecond)))
        limits.appendNew("calls_per_minute", .integer(Int64(calls.perMinute)))
        limits.appendNew("exec_timeout_seconds_max", .integer(Int64(ExecTool.longestRun)))
        limits.appendNew("request_bytes_max", .integer(8 << 20))
        limits.appendNew("fs_read_bytes_max", .integer(1 << 20))
        limits.appendNew("fs_write_bytes_max", .integer(Int64(FsWriteTool.safeContent)))
        return .object(limits)
    }
}
