package import HTTP
package import Settings

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

    package func handle(_ request: InboundRequest) async -> OutboundResponse {
        let origin = request.head.headerFields.contains(.origin) ? crossOrigin(request) : nil
        if let origin, origin.isPreflight { return origin.preflight }
        let response = await answer(request)
        return origin?.marked(response) ?? response
    }

    @inline(never)
    private func crossOrigin(_ request: InboundRequest) -> CrossOrigin? { CrossOrigin(request, settings.shared.value) }

    private func answer(_ request: InboundRequest) async -> OutboundResponse {
        let path = request.path
        if path == "/mcp" { return await endpoint.handle(request) }
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
        guard parts.count == 4, parts[1] == "mcp", parts[2] == "download" || parts[2] == "upload" else {
            // Where clients look for an authorization server after a 401, or would register at one, too. They read the
            // answer as JSON; another text would leave them puzzled.
            return MCPEndpoint.notFound
        }
        guard MCPEndpoint.isAdmitted(request, settings.shared) else { return MCPEndpoint.originRefused }
        let token = String(parts[3])
        return parts[2] == "download"
            ? await transfers.handleDownload(request, token: token)
            : await transfers.handleUpload(request, token: token)
    }
}
