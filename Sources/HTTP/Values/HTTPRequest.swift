/// The head of a request.
package struct HTTPRequest: Sendable, Hashable {
    package var method: Method
    /// `http` or `https`.
    package var scheme: String? {
        get { target.scheme }
        set { target.scheme = newValue.map(HTTPField.legalized) }
    }
    /// Host and port, as `Host` or `:authority` had them.
    package var authority: String? {
        get { target.authority }
        set { target.authority = newValue.map(HTTPField.legalized) }
    }
    /// With the query, percent-encoded; `*` for a request that is meant for the server as a whole.
    package var path: String? {
        get { target.path }
        set { target.path = newValue.map(HTTPField.legalized) }
    }
    package var headerFields: HTTPFields

    /// Texts that are legal as values of fields.
    private struct Target: Hashable {
        var scheme: String?
        var authority: String?
        var path: String?
    }

    private var target: Target

    package init(
        method: Method, scheme: String?, authority: String?, path: String?, headerFields: HTTPFields = [:]
    ) {
        self.method = method
        target = Target(
            scheme: scheme.map(HTTPField.legalized), authority: authority.map(HTTPField.legalized),
            path: path.map(HTTPField.legalized))
        self.headerFields = headerFields
    }

    /// A token; methods differ by the case of their letters.
    package struct Method: Sendable, Hashable, RawRepresentable, LosslessStringConvertible {
        package let rawValue: String

        /// - Returns: `nil` for what is no token.
        package init?(_ method: String) {
            guard Token.isValid(method.utf8) else { return nil }
            rawValue = method
        }

        package init?(rawValue: String) { self.init(rawValue) }

        /// A method that is known to be a token.
        init(token: String) { rawValue = token }

        package var description: String { rawValue }

        package static let get = Method(token: "GET")
        package static let head = Method(token: "HEAD")
        package static let post = Method(token: "POST")
        package static let put = Method(token: "PUT")
        package static let delete = Method(token: "DELETE")
        package static let connect = Method(token: "CONNECT")
        package static let options = Method(token: "OPTIONS")
        package static let patch = Method(token: "PATCH")
    }
}
