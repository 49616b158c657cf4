import HTTP
package import MCPServer

/// Finds out who sends a request below `/api`; REST calls and sockets ask the same one.
package struct RESTAuthenticator: Sendable {
    private let tokens: TokenAuthenticator
    private let sessions: SessionAuthenticator
    private let onEnd: @Sendable (SessionIdentity) -> Void

    /// - Parameter onEnd: called when a log-in has ended by its user's wish; ends what runs by it.
    package init(
        tokens: TokenAuthenticator, sessions: SessionAuthenticator,
        onEnd: @escaping @Sendable (SessionIdentity) -> Void = { _ in }
    ) {
        self.tokens = tokens
        self.sessions = sessions
        self.onEnd = onEnd
    }

    /// A caller, and where their log-in stood.
    struct Caller: Sendable {
        var principal: Principal
        /// `nil` for guests and tokens.
        var source: SessionAuthenticator.Source?

        static let guest = Caller(principal: .guest)
    }

    /// - Parameter query: already decoded.
    /// - Throws: ``RESTFailure/token(_:)``; a token that is refused never becomes a guest. A log-in that is refused does:
    ///   the tool's access then decides.
    func caller(
        of request: InboundRequest, query: QueryString, cookies: Cookies, _ credentials: RouteCredentials
    ) async throws(RESTFailure) -> Caller {
        guard credentials != .none else { return .guest }
        let authorization = request.head.headerFields[.authorization]
        // 7-D6: somebody meant a token and misspelt what stands before it.
        if Authorization(authorization).isMisspeltToken { throw .token(.unknown) }
        if credentials == .any {
            switch await tokens.authenticate(authorization: authorization, client: request.client) {
            case .accepted(let principal):
                request.isOf(principal)
                return Caller(principal: principal)
            case .refused(let refusal): throw .token(refusal)
            case .absent: break
            }
        }
        let outcome = await sessions.authenticate(
            authorization: authorization, query: query.single("token"), cookie: cookies[SessionCookies.session],
            client: request.client)
        switch outcome {
        case .accepted(let principal, let source):
            request.isOf(principal)
            return Caller(principal: principal, source: source)
        case .absent, .refused: return .guest
        case .unavailable: throw .tool(.database)
        }
    }

    /// Ends the log-in of a caller who has one.
    func end(_ caller: Caller) async throws(RESTFailure) {
        guard let session = caller.principal.session else { return }
        do {
            try await sessions.end(session)
        } catch {
            throw .tool(.database)
        }
        onEnd(session)
    }
}
