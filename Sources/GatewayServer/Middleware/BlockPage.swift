package import HTTP

/// What a blocked address is told, on every path (`rest-details.md` 1): a page to browsers, JSON to the programs that call
/// `/mcp` and `/api`.
package enum BlockPage {
    /// - Parameters:
    ///   - rule: where the path leads.
    ///   - seconds: until the block ends.
    package static func response(to request: InboundRequest, _ rule: PathRule, seconds: Int) -> OutboundResponse {
        let fields: HTTPFields = [.cacheControl: "no-store", .retryAfter: String(seconds)]
        guard rule.isForPrograms, !acceptsPages(request) else { return page(fields) }
        let text = "ApiErrorForbidden: too many failed attempts from this address; try again in \(seconds) s"
        return EarlyRefusal.json(.forbidden, text, at: rule, fields: fields)
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
