package import HTTP

/// The paths outside `/api/v1` that belong to MCP (`mcp.md` 1.1).
package struct MCPRoutes: Sendable {
    private let endpoint: MCPEndpoint
    private let transfers: TransferEndpoint
    private let settings: any SettingsStore

    package init(endpoint: MCPEndpoint, transfers: TransferEndpoint, settings: any SettingsStore) {
        self.endpoint = endpoint
        self.transfers = transfers
        self.settings = settings
    }

    /// - Returns: `nil` for a path that is somebody else's.
    package func handle(_ request: InboundRequest) async -> OutboundResponse? {
        let path = request.path
        if path == "/mcp" { return await endpoint.handle(request) }
        if path.hasPrefix("/.well-known/oauth-") || path.hasPrefix("/.well-known/openid-configuration") {
            // Clients look here after a 401; a page of HTML would leave them puzzled.
            return MCPEndpoint.notFound
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[1] == "mcp", parts[2] == "download" || parts[2] == "upload" else { return nil }
        guard MCPEndpoint.isAdmitted(request, settings.current) else { return MCPEndpoint.originRefused }
        let token = String(parts[3])
        return parts[2] == "download"
            ? await transfers.handleDownload(request, token: token)
            : await transfers.handleUpload(request, token: token)
    }
}
