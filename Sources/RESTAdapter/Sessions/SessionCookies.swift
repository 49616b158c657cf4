import HTTP
import MCPServer

/// The two cookies of a log-in (`rest-details.md` 2). They live equally long: a page logs out by expiring the one that it
/// can read, and the other is worth nothing in a browser without it (``PageOrigin``).
package struct SessionCookies: Sendable {
    static let session = "nz-jwt"
    static let csrf = "nz-csrf"
    /// Of a visit to a log-in provider.
    package static let visit = "nz-o2s"
    /// Seconds that a visit may take.
    package static let visitAge = 300

    let tokens: CSRFTokens

    /// Both cookies, for a session whose text is `token`.
    /// - Parameter hours: setting `jwt_timeout`.
    func fields(token: String, hours: Int, for request: InboundRequest) -> [HTTPField] {
        [
            hiddenField(Self.session, token, maxAge: hours * 3600, for: request),
            csrfField(hours: hours, for: request),
        ]
    }

    /// What the browser must show when it comes back from a log-in provider.
    func visitField(_ value: String, for request: InboundRequest) -> HTTPField {
        hiddenField(Self.visit, value, maxAge: Self.visitAge, for: request)
    }

    /// Takes the session's cookie away.
    func endField(for request: InboundRequest) -> HTTPField {
        hiddenField(Self.session, "", maxAge: 0, for: request)
    }

    /// A cookie that no page can read.
    private func hiddenField(_ name: String, _ value: String, maxAge: Int, for request: InboundRequest) -> HTTPField {
        SetCookie(
            name: name, value: value, sameSite: .lax, isHiddenFromScripts: true, isSecure: request.isOverTLS,
            maxAge: maxAge
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
    /// Whether the client came by TLS, here or at a proxy. Who forges the proxy's header only marks their own cookies.
    var isOverTLS: Bool { baseURL.hasPrefix("https:") }
}

extension HTTPField.Name {
    static let csrfToken = HTTPField.Name(token: "X-CSRF-Token")
}
