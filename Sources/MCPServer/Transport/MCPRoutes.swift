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

    /// Where clients look for an authorization server after a 401, or would register at one. They read the answer as JSON;
    /// another text would leave them puzzled.
    private static let oauthPaths = ["/register", "/authorize", "/token", "/revoke", "/introspect"]

    /// - Returns: `nil` for a path that is somebody else's.
    package func handle(_ request: InboundRequest) async -> OutboundResponse? {
        guard let origin = CrossOrigin(request, settings.current) else { return await answer(request) }
        if origin.isPreflight, isOurs(request.path) { return origin.preflight }
        return await answer(request).map(origin.marked)
    }

    private func isOurs(_ path: Substring) -> Bool {
        path == "/mcp" || path.utf8.starts(with: "/mcp/".utf8) || path.utf8.starts(with: "/.well-known/".utf8)
    }

    private func answer(_ request: InboundRequest) async -> OutboundResponse? {
        let path = request.path
        if path == "/mcp" { return await endpoint.handle(request) }
        if path.utf8.starts(with: "/.well-known/".utf8) || Self.oauthPaths.contains(String(path)) {
            return MCPEndpoint.notFound
        }
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
        guard parts.count == 4, parts[1] == "mcp", parts[2] == "download" || parts[2] == "upload" else { return nil }
        guard MCPEndpoint.isAdmitted(request, settings.current) else { return MCPEndpoint.originRefused }
        let token = String(parts[3])
        return parts[2] == "download"
            ? await transfers.handleDownload(request, token: token)
            : await transfers.handleUpload(request, token: token)
    }
}
