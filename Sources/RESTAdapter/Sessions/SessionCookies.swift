import HTTP
import MCPServer

/// The two cookies of a log-in (`rest-details.md` 2). They live equally long: a page logs out by expiring the one that it
/// can read, and the other is worth nothing in a browser without it (``PageOrigin``).
struct SessionCookies: Sendable {
    static let session = "nz-jwt"
    static let csrf = "nz-csrf"

    let tokens: CSRFTokens

    /// Both cookies, for a session whose text is `token`.
    /// - Parameter hours: setting `jwt_timeout`.
    func fields(token: String, hours: Int, for request: InboundRequest) -> [HTTPField] {
        let session = SetCookie(
            name: Self.session, value: token, sameSite: .lax, isHiddenFromScripts: true, isSecure: request.isOverTLS,
            maxAge: hours * 3600)
        return [session.field, csrfField(hours: hours, for: request)]
    }

    /// Takes the session's cookie away.
    func endField(for request: InboundRequest) -> HTTPField {
        SetCookie(
            name: Self.session, value: "", sameSite: .lax, isHiddenFromScripts: true, isSecure: request.isOverTLS,
            maxAge: 0
        ).field
    }

    /// A new CSRF cookie. Pages must be able to read it.
    func csrfField(hours: Int, for request: InboundRequest) -> HTTPField {
        SetCookie(
            name: Self.csrf, value: tokens.make(), sameSite: .strict, isHiddenFromScripts: false,
            isSecure: request.isOverTLS, maxAge: hours * 3600
        ).field
    }
}

extension InboundRequest {
    /// Whether the client came by TLS, here or at a proxy. Who forges the proxy's header only marks his own cookies.
    var isOverTLS: Bool { baseURL.hasPrefix("https:") }
}

extension HTTPField.Name {
    /// Names that are known to be valid; the alternative is only there for the type.
    private static func known(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .userAgent }

    static let csrfToken = known("X-CSRF-Token")
}
