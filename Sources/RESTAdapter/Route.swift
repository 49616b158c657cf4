package import HTTP

/// One route below `/api/v1`: which tool answers it, and how its request becomes arguments. Who may call it is the
/// tool's own `ToolAccess`.
///
/// ```swift
/// // GET /server/7/name calls server.name with {"server_id": 7}.
/// Route(.get, "/server/{id}/name", "server.name", renamed: ["id": "server_id"])
/// // POST /batch-delete/note with [1, 2] calls note.delete with {"ids": [1, 2]} and answers without data.
/// Route(.post, "/batch-delete/note", "note.delete", body: .array("ids"), result: .none)
/// ```
package struct Route: Sendable, Hashable {
    package var method: HTTPRequest.Method
    package var path: PathPattern
    /// The tool's name.
    package var tool: String
    package var query: [QueryParameter]
    /// Cookies that become arguments: name and argument.
    package var cookies: [String: String]
    /// Path parameters that become an argument of another name, such as `id` → `server_id`.
    package var renamed: [String: String]
    package var body: RouteBody
    package var result: RouteResult
    package var credentials: RouteCredentials
    package var effect: RouteEffect

    package init(
        _ method: HTTPRequest.Method, _ path: String, _ tool: String, query: [QueryParameter] = [],
        cookies: [String: String] = [:], renamed: [String: String] = [:], body: RouteBody = .none,
        result: RouteResult = .data,
        credentials: RouteCredentials = .any, effect: RouteEffect = .none
    ) {
        self.method = method
        self.path = PathPattern(path)
        self.tool = tool
        self.query = query
        self.cookies = cookies
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
        var names = path.parameters.map { renamed[$0] ?? $0 } + query.map(\.argument) + cookies.values
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
        /// A whole number; anything else counts as left out (`rest-details.md` 1, pagination).
        case count
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
    /// Nothing; the browser is sent (302) to the page that this member names.
    case redirect(String)
    /// No answer: the call is the life of a WebSocket, whose outcome becomes the close frame.
    case socket
}

/// Which credentials a route looks at.
package enum RouteCredentials: Sendable, Hashable {
    /// Tokens, then log-ins.
    case any
    /// Log-ins; a token counts as a guest (`rest-details.md` 3, `/setting`).
    case sessions
    /// As `sessions`, also for a browser that comes back by a link of another site, which brings no CSRF cookie along. Only
    /// for a call that lets nothing be done by that alone.
    case sessionsOnReturn
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
    /// As `sessionCookies`, for a browser that another site has sent back: what proves that it began here is an argument.
    case returnedSession
    /// The output has a session that takes the place of the caller's; a browser gets its cookies.
    case renewedSession
    /// The output is `{redirect, browser}`; `browser` becomes the cookie of a visit to a log-in provider, and only
    /// `redirect` is shown.
    case visitCookie

    /// Whether pages of other sites may not cause it.
    var isForOwnPages: Bool {
        switch self {
        case .sessionCookies, .login: true
        case .none, .returnedSession, .renewedSession, .visitCookie: false
        }
    }
}
