import HTTP
import Settings

/// A request of a page on an origin that `mcp_allowed_origins` lists (or of the public URL), and what its browser has to
/// be told so that the page may read the answer (Fetch, CORS protocol). Nobody else's browser is told anything.
struct CrossOrigin: Sendable {
    private let origin: String
    /// Whether the browser only asks whether it may send the request.
    let isPreflight: Bool

    /// - Returns: `nil` for a request without an origin, and for one of an origin that is not listed.
    init?(_ request: InboundRequest, _ settings: GatewaySettings) {
        guard let origin = request.head.headerFields[.origin], OriginGuard(settings).lists(origin: origin) else {
            return nil
        }
        self.origin = origin
        isPreflight =
            request.head.method == .options && request.head.headerFields[.accessControlRequestMethod] != nil
    }

    var preflight: OutboundResponse {
        var response = marked(.empty(.noContent))
        response.head.headerFields[.accessControlAllowMethods] = "GET, HEAD, POST, DELETE"
        response.head.headerFields[.accessControlAllowHeaders] =
            "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
            + "Last-Event-ID"
        response.head.headerFields[.accessControlMaxAge] = "600"
        return response
    }

    func marked(_ response: OutboundResponse) -> OutboundResponse {
        var response = response
        response.head.headerFields[.accessControlAllowOrigin] = origin
        response.head.headerFields[.accessControlExposeHeaders] =
            "WWW-Authenticate, Retry-After, Content-Disposition, MCP-Protocol-Version"
        response.head.headerFields[.vary] = "Origin"
        return response
    }
}
