package import HTTP
import JSON
package import MCPServer
package import Settings
import Texts

/// Every path below `/api/`: route → credentials → CSRF → arguments → `ToolRegistry.invoke` → envelope.
///
/// Knows HTTP only as values, so that every rule is tested without a socket.
package struct RESTAdapter: Sendable {
    /// The table that requests are matched with, for documents and tests.
    package let routes: RouteTable
    private let registry: ToolRegistry
    private let gate: AccessGate
    private let audit: AuditLog
    private let authenticator: RESTAuthenticator
    private let cookies: SessionCookies
    private let settings: any SettingsStore

    /// - Parameter secret: the one that `authenticator` knows sessions by.
    /// - Throws: ``RouteTableError`` when a route has no tool.
    package init(
        routes: [Route] = Route.all, registry: ToolRegistry, gate: AccessGate, audit: AuditLog,
        authenticator: RESTAuthenticator, secret: SessionSecret, settings: any SettingsStore
    ) throws(RouteTableError) {
        self.routes = try RouteTable(routes, tools: registry.definitions)
        self.registry = registry
        self.gate = gate
        self.audit = audit
        self.authenticator = authenticator
        self.cookies = SessionCookies(tokens: CSRFTokens(secret: secret))
        self.settings = settings
    }

    /// Answers a request whose path is below `/api`.
    package func handle(_ request: InboundRequest) async -> OutboundResponse {
        let settings = settings.shared
        var context = FailureContext(
            siteName: settings.value.siteName, language: Language(setting: settings.value.language))
        do {
            return try await answer(request, &context)
        } catch {
            return ErrorMapping.response(error, context)
        }
    }

    private func answer(
        _ request: InboundRequest, _ context: inout FailureContext
    ) async throws(RESTFailure) -> OutboundResponse {
        guard !isRealIPMissing(request) else { throw .realIPMissing }
        guard let match = routes.match(request.head.method, request.path) else { throw .unknownRoute }
        let query = try QueryString(request.query)
        let sent = Cookies(request.head.headerFields)
        var fields = HTTPFields()
        let caller = try await caller(of: request, query, sent, match.route, &fields)
        context.byToken = caller.principal.token != nil
        try checkCSRF(match.route, caller, sent, request)

        let call = call(match, caller, request)
        if needsCSRFCookie(request, match, caller, sent) {
            fields.append(cookies.csrfField(hours: sessionHours, for: request))
        }
        do throws(RESTFailure) {
            let mapping = ArgumentMapping(
                route: match.route, captures: match.captures, query: query, schema: match.tool.inputSchema)
            if match.route.result == .socket { return try await socket(match, mapping, request, call) }
            return try success(try await run(match, mapping, request, call), match.route, caller, request, fields)
        } catch {
            return ErrorMapping.response(error, context, fields: fields)
        }
    }

    private func call(
        _ match: RouteTable.Match, _ caller: RESTAuthenticator.Caller, _ request: InboundRequest
    ) -> ToolCall {
        let settings = settings.shared
        var call = ToolCall(
            principal: caller.principal, origin: .rest, requestID: request.id, client: request.client,
            userAgent: request.head.headerFields[.userAgent] ?? "",
            baseURL: match.route.effect == .visitCookie
                ? request.baseURLOfPage(settings.value) : request.baseURL(settings.value))
        // A body whose length is not told counts as the longest.
        let length = request.contentLength ?? Int64(ArgumentMapping.bodyLimit)
        call.requestBytes = match.route.body == .none ? 0 : Int(length)
        return call
    }

    /// Who sends it. A session in a cookie counts in a browser only together with the CSRF cookie, which pages can take
    /// away to log out.
    private func caller(
        of request: InboundRequest, _ query: QueryString, _ sent: Cookies, _ route: Route, _ fields: inout HTTPFields
    ) async throws(RESTFailure) -> RESTAuthenticator.Caller {
        let caller = try await authenticator.caller(of: request, query: query, cookies: sent, route.credentials)
        guard caller.source == .cookie, !sent.contains(SessionCookies.csrf) else { return caller }
        switch PageOrigin(of: request) {
        case .unknown: return caller
        case .foreign: return route.credentials == .sessionsOnReturn ? caller : .guest
        case .own:
            try await authenticator.end(caller)
            fields.append(cookies.endField(for: request))
            return .guest
        }
    }

    private var sessionHours: Int { max(1, settings.shared.value.jwtTimeout) }

    /// Whether the address should have come in a header and did not (`rest-details.md` 1).
    private func isRealIPMissing(_ request: InboundRequest) -> Bool {
        request.client.real == nil && RealAddress.isExpectedInHeader(settings.shared.value.webRealIPHeader)
    }

    /// A log-in that the browser sent by itself must be confirmed by something that a foreign page cannot read.
    private func checkCSRF(
        _ route: Route, _ caller: RESTAuthenticator.Caller, _ sent: Cookies, _ request: InboundRequest
    ) throws(RESTFailure) {
        if route.effect.isForOwnPages, MCPEndpoint.isFromForeignPage(request, settings.shared.value) {
            throw .foreignPage
        }
        guard route.isCSRFProtected, caller.source?.needsCSRFToken ?? false else { return }
        let header = request.head.headerFields[.csrfToken]
        guard cookies.tokens.confirms(header: header, cookie: sent[SessionCookies.csrf]) else { throw .csrf }
    }

    /// Only where somebody must be logged in: pages read the open routes before and after a log-out.
    private func needsCSRFCookie(
        _ request: InboundRequest, _ match: RouteTable.Match, _ caller: RESTAuthenticator.Caller, _ sent: Cookies
    ) -> Bool {
        switch match.tool.access {
        case .open, .guest: return false
        case .user, .sessionOnly, .administrator: break
        }
        guard request.head.method == .get, caller.source != nil else { return false }
        return !(sent[SessionCookies.csrf].map(cookies.tokens.isValid) ?? false)
    }

    private func run(
        _ match: RouteTable.Match, _ mapping: ArgumentMapping, _ request: InboundRequest, _ call: ToolCall
    ) async throws(RESTFailure) -> ToolResult {
        try checkAccess(match, call)
        do {
            let arguments = try await mapping.arguments(of: request)
            return try await registry.result(of: match.tool.name, arguments: arguments, call: call)
                .mapError { RESTFailure.tool($0) }.get()
        } catch {
            throw match.route.effect == .login ? error.asLoginFailure : error
        }
    }

    /// The registry asks the same; asked here too so that nobody without rights makes us read a body, or learns from
    /// its errors.
    private func checkAccess(_ match: RouteTable.Match, _ call: ToolCall) throws(RESTFailure) {
        do {
            try gate.checkAccess(match.tool.access, call.principal)
        } catch {
            audit.record(
                AuditEntry(tool: match.tool.name, call: call, arguments: .null, failure: error, duration: .zero))
            throw .tool(error)
        }
    }

    /// A browser may ask for a WebSocket from any page and sends the cookies along, and no CSRF header can be set; so the
    /// page's origin decides (`rest-details.md` 1).
    private func socket(
        _ match: RouteTable.Match, _ mapping: ArgumentMapping, _ request: InboundRequest, _ call: ToolCall
    ) async throws(RESTFailure) -> OutboundResponse {
        try checkAccess(match, call)
        guard MCPEndpoint.isOriginAllowed(request, settings.shared.value) else {
            return .text(.forbidden, "request origin is not allowed")
        }
        let arguments = try await mapping.arguments(of: request)
        if let refusal = WebSocketHandshake.refusal(of: request) {
            // What is wrong with the session itself is told first, in JSON.
            let result = await registry.invoke(match.tool.name, arguments: arguments, call: call)
            if case .failure(let failure) = result, !ToolSocket.isMissing(failure) { throw .tool(failure) }
            return refusal
        }
        switch await SocketCall.open(match.tool.name, arguments, call, registry) {
        case .success(let upgrade): return WebSocketHandshake.accept(request, upgrade)
        case .failure(let failure): throw .tool(failure)
        }
    }

    /// A function of its own, as a task keeps room for all that a function uses which waits anywhere.
    @inline(never)
    private func success(
        _ result: ToolResult, _ route: Route, _ caller: RESTAuthenticator.Caller, _ request: InboundRequest,
        _ fields: HTTPFields
    ) throws(RESTFailure) -> OutboundResponse {
        if route.result == .data, route.effect == .none, case .records(let records) = result {
            return Envelope.response(bytes: Envelope.success(records), fields: fields)
        }
        let output = try Self.value(of: result)
        let fields = fields + (try effects(output, route, caller, request))
        switch route.result {
        case .data:
            return Envelope.response(.ok, Envelope.success(shown(output, route)), fields: fields)
        case .member(let name): return Envelope.response(.ok, Envelope.success(output[name]), fields: fields)
        case .redirect(let name):
            return .redirect(to: try Self.text(name, in: output, of: route), fields: fields)
        case .none, .socket: return Envelope.response(.ok, Envelope.success(nil), fields: fields)
        }
    }

    /// The cookies that the call sets.
    private func effects(
        _ output: JSONValue, _ route: Route, _ caller: RESTAuthenticator.Caller, _ request: InboundRequest
    ) throws(RESTFailure) -> [HTTPField] {
        switch route.effect {
        case .none: return []
        case .visitCookie: return [cookies.visitField(try Self.text("browser", in: output, of: route), for: request)]
        case .renewedSession where caller.source != .cookie: return []
        case .sessionCookies, .login, .returnedSession, .renewedSession:
            return cookies.fields(
                token: try Self.text("token", in: output, of: route), hours: sessionHours, for: request)
        }
    }

    /// What a visit is known by belongs to the browser, not to the page.
    private func shown(_ output: JSONValue, _ route: Route) -> JSONValue {
        guard route.effect == .visitCookie, case .object(var object) = output else { return output }
        object["browser"] = nil
        return .object(object)
    }

    private static func value(of result: ToolResult) throws(RESTFailure) -> JSONValue {
        do { return try result.value() } catch { throw .tool(error) }
    }

    private static func text(
        _ name: String, in output: JSONValue, of route: Route
    ) throws(RESTFailure) -> String {
        guard let text = output[name]?.stringValue else { throw .tool(.internalError("\(route.tool) gave no \(name)")) }
        return text
    }
}

extension OutboundResponse {
    /// To another page of ours.
    fileprivate static func redirect(to location: String, fields: HTTPFields) -> OutboundResponse {
        var fields = fields
        fields[.location] = location
        fields[.contentType] = "text/html; charset=utf-8"
        fields[.cacheControl] = "no-store"
        let link = location.replacing("&", with: "&amp;").replacing("\"", with: "&quot;")
        return OutboundResponse(
            head: HTTPResponse(status: .found, headerFields: fields),
            body: .bytes(Array("<a href=\"\(link)\">Found</a>.\n".utf8)))
    }
}

extension InboundRequest {
    /// As ``baseURL(_:)``; where no proxy tells of TLS, the page that asks does (`rest-details.md` 3).
    fileprivate func baseURLOfPage(_ settings: GatewaySettings) -> String {
        let base = baseURL(settings)
        guard settings.publicURL.isEmpty, base.utf8.starts(with: "http://".utf8),
            head.headerFields[.referer]?.utf8.starts(with: "https://".utf8) ?? false
        else { return base }
        return "https://" + base.dropFirst("http://".utf8.count)
    }
}

extension RESTFailure {
    /// Whatever the caller did wrong at a log-in looks alike; what is wrong with us or the line does not.
    fileprivate var asLoginFailure: RESTFailure {
        switch self {
        case .malformed: .loginFailed
        case .tool(let failure):
            switch failure.outcome {
            case .internalError, .cancelled, .agentTimeout, .rateLimited: self
            default: .loginFailed
            }
        default: self
        }
    }
}
