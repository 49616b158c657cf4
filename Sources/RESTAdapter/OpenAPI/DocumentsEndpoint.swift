package import HTTP
import JSON
package import Settings

/// The OpenAPI document and a page that shows it and tries it out, where `debug` is set (`rest-details.md` 3).
package struct DocumentsEndpoint: Sendable {
    private let document: [UInt8]
    private let settings: any SettingsStore

    package init(_ document: OpenAPIDocument, settings: any SettingsStore) {
        self.document = document.json.serialized()
        self.settings = settings
    }

    /// - Returns: `nil` for what is not there, which is everything where `debug` is not set.
    package func handle(_ request: InboundRequest) async -> OutboundResponse? {
        guard settings.shared.value.debug, request.head.method == .get || request.head.method == .head else {
            return nil
        }
        let path = request.path
        func isPath(_ other: String) -> Bool { path.utf8.elementsEqual(other.utf8) }
        if isPath("/openapi.json") || isPath("/swagger/doc.json") {
            return .json(.ok, bytes: document, fields: [.cacheControl: "no-cache"])
        }
        if isPath("/swagger") || isPath("/swagger/") {
            return .empty(.movedPermanently, fields: [.location: "/swagger/index.html"])
        }
        guard let file = Self.files.first(where: { isPath("/swagger/" + $0.name) }) else { return nil }
        let fields: HTTPFields = [
            .contentType: file.type, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: Self.policy,
        ]
        return OutboundResponse(head: HTTPResponse(status: .ok, headerFields: fields), body: .bytes(file.bytes))
    }

    /// The page shows texts that others wrote; nothing in it may become a script.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'"

    private static let files: [(name: String, type: String, bytes: [UInt8])] = [
        ("index.html", "text/html; charset=utf-8", PackageResources.index_html),
        ("page.js", "text/javascript; charset=utf-8", PackageResources.page_js),
        ("page.css", "text/css; charset=utf-8", PackageResources.page_css),
    ]
}
