package import HTTP

/// What a blocked address sees, on every path (`rest-details.md` 1).
package enum BlockPage {
    package static let response: OutboundResponse = {
        let page = """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Blocked</title></head>\
            <body><h1>Blocked</h1><p>Too many failed attempts came from your address. Try again later.</p></body></html>
            """
        return OutboundResponse(
            head: HTTPResponse(
                status: .forbidden,
                headerFields: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"]),
            body: .bytes(Array(page.utf8)))
    }()
}
