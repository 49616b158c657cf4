/// The head of a request. In one piece of memory, as everyone on a request's way passes it on.
package struct HTTPRequest: Sendable {
    private struct Parts: Sendable, Hashable {
        var method: Method
        // Legal as values of fields.
        var scheme: String?
        var authority: String?
        var path: String?
        var headerFields: HTTPFields
    }

    private final class Shared: Sendable {
        let parts: Parts

        init(_ parts: Parts) { self.parts = parts }
    }

    private var shared: Shared

    package init(
        method: Method, scheme: String?, authority: String?, path: String?, headerFields: HTTPFields = [:]
    ) {
        shared = Shared(
            Parts(
                method: method, scheme: scheme.map(HTTPField.legalized), authority: authority.map(HTTPField.legalized),
                path: path.map(HTTPField.legalized), headerFields: headerFields))
    }

    package var method: Method {
        get { shared.parts.method }
        set { change { $0.method = newValue } }
    }

    /// `http` or `https`.
    package var scheme: String? {
        get { shared.parts.scheme }
        set { change { $0.scheme = newValue.map(HTTPField.legalized) } }
    }

    /// Host and port, as `Host` or `:authority` had them.
    package var authority: String? {
        get { shared.parts.authority }
        set { change { $0.authority = newValue.map(HTTPField.legalized) } }
    }

    /// With the query, percent-encoded; `*` for a request that is meant for the server as a whole.
    package var path: String? {
        get { shared.parts.path }
        set { change { $0.path = newValue.map(HTTPField.legalized) } }
    }

    package var headerFields: HTTPFields {
        get { shared.parts.headerFields }
        set { change { $0.headerFields = newValue } }
    }

    private mutating func change(_ change: (inout Parts) -> Void) {
        var parts = shared.parts
        change(&parts)
        shared = Shared(parts)
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

extension HTTPRequest: Hashable {
    package static func == (a: Self, b: Self) -> Bool { a.shared === b.shared || a.shared.parts == b.shared.parts }
    package func hash(into hasher: inout Hasher) { hasher.combine(shared.parts) }
}
