package import HTTP

/// One route below `/api/v1`: which tool answers it, and how its request becomes arguments. Who may call it is the
/// tool's own `ToolAccess`.
package struct Route: Sendable, Hashable {
    package var method: HTTPRequest.Method
    package var path: PathPattern
    /// The tool's name.
    package var tool: String
    package var query: [QueryParameter]
    /// Path parameters that become an argument of another name, such as `id` → `server_id`.
    package var renamed: [String: String]
    package var body: RouteBody
    package var result: RouteResult
    package var credentials: RouteCredentials
    package var effect: RouteEffect

    package init(
        _ method: HTTPRequest.Method, _ path: String, _ tool: String, query: [QueryParameter] = [],
        renamed: [String: String] = [:], body: RouteBody = .none, result: RouteResult = .data,
        credentials: RouteCredentials = .any, effect: RouteEffect = .none
    ) {
        self.method = method
        self.path = PathPattern(path)
        self.tool = tool
        self.query = query
        self.renamed = renamed
        self.body = body
        self.result = result
        self.credentials = credentials
        self.effect = effect
    }

    /// Whether a log-in that a browser sends by itself must be confirmed by the CSRF header.
    package var isCSRFProtected: Bool { !Self.safeMethods.contains(method) && credentials != .none }

    /// The methods that change nothing.
    static let safeMethods: Set<HTTPRequest.Method> = [.get, .head, .options]

    /// The arguments that the route itself names.
    package var arguments: [String] {
        var names = path.parameters.map { renamed[$0] ?? $0 } + query.map(\.argument)
        if case .array(let argument) = body { names.append(argument) }
        return names
    }
}

/// A parameter of the query that becomes an argument; all others are ignored.
package struct QueryParameter: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case text
        /// A whole number; anything else is an error.
        case integer
        /// `1,2,3`; parts that are no unsigned whole number are skipped (`rest-details.md` 1).
        case idList
    }

    package var name: String
    package var argument: String
    package var kind: Kind

    package init(_ name: String, _ kind: Kind, as argument: String? = nil) {
        self.name = name
        self.argument = argument ?? name
        self.kind = kind
    }
}

/// What the body of a request is.
package enum RouteBody: Sendable, Hashable {
    /// Not read.
    case none
    /// A JSON object whose members are arguments.
    case object
    /// A JSON object, or a form with the same names.
    case objectOrForm
    /// A JSON array that becomes this argument.
    case array(String)
}

/// What of the tool's output becomes `data`.
package enum RouteResult: Sendable, Hashable {
    /// All of it.
    case data
    /// This member.
    case member(String)
    /// Nothing; `data` is left out.
    case none
    /// No answer: the call is the life of a WebSocket, whose outcome becomes the close frame.
    case socket
}

/// Which credentials a route looks at.
package enum RouteCredentials: Sendable, Hashable {
    /// Tokens, then log-ins.
    case any
    /// Log-ins; a token counts as a guest (`rest-details.md` 3, `/setting`).
    case sessions
    /// None; everybody is a guest.
    case none
}

/// What a successful call does to the browser besides.
package enum RouteEffect: Sendable, Hashable {
    case none
    /// The output is `{token, expire}` of a session; both cookies are set.
    case sessionCookies
    /// As `sessionCookies`; and every refusal is `ApiErrorUnauthorized` (`rest-details.md` 2).
    case login

    var setsCookies: Bool { self != .none }
}
