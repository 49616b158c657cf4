package import HTTP
import MCPServer

/// What a blocked address is told, on every path (`rest-details.md` 1): a page to browsers, JSON to the programs that call
/// `/mcp` and `/api`.
package enum BlockPage {
    /// - Parameter seconds: until the block ends.
    package static func response(to request: InboundRequest, seconds: Int) -> OutboundResponse {
        let fields: HTTPFields = [.cacheControl: "no-store", .retryAfter: String(seconds)]
        guard isForPrograms(request.path), !acceptsPages(request) else { return page(fields) }
        let text = "ApiErrorForbidden: too many failed attempts from this address; try again in \(seconds) s"
        var body: JSONObject = ["error": .string(text)]
        // The routes below /api say `success` as they always do; the others never had it (`mcp.md` 1.1).
        if request.path.hasPrefix("/api") { body["success"] = false }
        return .json(.forbidden, .object(body), fields: fields)
    }

    /// Whether a path is one of those that programs call, which is where a token helps against a block, too.
    package static func isForPrograms(_ path: Substring) -> Bool {
        // Clients look for the way to log in below /.well-known, and take a page for one that is there.
        ["/mcp", "/api", "/.well-known"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }

    private static func acceptsPages(_ request: InboundRequest) -> Bool {
        request.head.headerFields[.accept]?.lowercased().contains("text/html") ?? false
    }

    private static func page(_ fields: HTTPFields) -> OutboundResponse {
        let page = """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Blocked</title></head>\
            <body><h1>Blocked</h1><p>Too many failed attempts came from your address. Try again later.</p></body></html>
            """
        var fields = fields
        fields[.contentType] = "text/html; charset=utf-8"
        return OutboundResponse(
            head: HTTPResponse(status: .forbidden, headerFields: fields), body: .bytes(Array(page.utf8)))
    }
}
