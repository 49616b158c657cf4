package import HTTP
import JSON
import Primitives
package import Settings

package import struct FoundationEssentials.Date

/// `POST /mcp` (`mcp.md` 1): Origin guard → token → kill switch → rate limit → body → envelope → method.
///
/// Knows HTTP only as values, so that every rule is tested without a socket.
package final class MCPEndpoint: Sendable {
    /// 8 MiB (`mcp.md` 1.2 row 8).
    package static let bodyLimit = 8 * 1024 * 1024
    /// The same for what is refused anyway.
    static let refusedBodyLimit = 64 * 1024

    /// A body beyond so many bytes takes a millisecond and more to read, check and hash.
    static let longBody = 256 * 1024

    let registry: ToolRegistry
    let tokens: TokenAuthenticator
    let settings: any SettingsStore
    let limiter: RateLimiter
    let live: LiveWork
    let audit: AuditLog
    let version: String
    let listing: ToolListing
    /// How long a call may be silent before its answer becomes an event stream.
    let patience: Duration
    private let now: @Sendable () -> Date
    /// Calls while MCP is off, which no rate limit counts.
    private let disabledRows = AuditThrottle<Int64>()

    package init(
        registry: ToolRegistry, tokens: TokenAuthenticator, settings: any SettingsStore, limiter: RateLimiter,
        live: LiveWork, audit: AuditLog, version: String, patience: Duration = LateStream.patience,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.registry = registry
        self.tokens = tokens
        self.settings = settings
        self.limiter = limiter
        self.live = live
        self.audit = audit
        self.version = version
        self.patience = patience
        listing = ToolListing(registry)
        self.now = now
    }

    /// Answers a request whose path is `/mcp`.
    package func handle(_ request: InboundRequest) async -> OutboundResponse {
        let settings = settings.shared
        guard Self.isAdmitted(request, settings) else { return Self.originRefused }
        switch request.head.method {
        case .post: return await post(request, settings)
        case .get, .delete: return Self.methodNotAllowed
        default: return Self.notFound
        }
    }

    private func post(_ request: InboundRequest, _ settings: SharedSettings) async -> OutboundResponse {
        let outcome = await tokens.authenticate(
            authorization: request.head.headerFields[.authorization], client: request.client)
        if case .refused(let refusal) = outcome { return Self.tokenRefused(refusal) }
        guard case .accepted(let principal) = outcome, let token = principal.token else {
            return settings.value.enableMCP ? noToken(request) : disabled(request, id: nil)
        }
        request.isOf(principal)
        guard settings.value.enableMCP else { return await disabledForKnownToken(request, principal) }
        if let coding = request.foreignCoding { return codingRefused(coding) }

        let limits = RateLimiter.Limits(
            perSecond: settings.value.mcpRateLimitPerSecond, perMinute: settings.value.mcpRateLimitPerMinute)
        // Counted once, whatever it is; which allowance it takes from depends on the method.
        let take: @Sendable (RateLimiter.Allowance) -> RateLimiter.Decision = { [limiter] in
            limiter.take(token: token.id, limits, $0)
        }
        let left = limiter.budget(token: token.id, limits)
        // A token over its budget is answered all the same by id and method, but not at the price of a large body.
        let limit = left.thisSecond > 0 && left.thisMinute > 0 ? Self.bodyLimit : Self.refusedBodyLimit
        let body: [UInt8]
        do throws(RequestBody.Failure) {
            if let length = request.contentLength, length > limit { throw .tooLarge(limit: limit) }
            if let whole = try request.body.takeWhole(upTo: limit) {
                body = whole
            } else {
                body = try await request.body.collect(upTo: limit)
            }
        } catch {
            let decision = take(.work)
            guard case .tooLarge = error else { return .empty(.badRequest) }
            if case .refused(let seconds, _) = decision, (request.contentLength ?? 0) <= Self.bodyLimit {
                return limited(request, id: nil, seconds)
            }
            return Self.tooLarge
        }
        guard body.count > Self.longBody else { return await answer(body, request, principal, take) }
        return await OffLoop.run { await self.answer(body, request, principal, take) }
    }

    private func answer(
        _ body: [UInt8], _ request: InboundRequest, _ principal: Principal,
        _ take: @Sendable (RateLimiter.Allowance) -> RateLimiter.Decision
    ) async -> OutboundResponse {
        switch outcome(of: body, request, principal, take) {
        case .answer(let response): return response
        case .call(let call): return await make(call)
        }
    }

    /// What a message comes to before anything waits for it.
    enum Outcome {
        case answer(OutboundResponse)
        case call(AcceptedCall)
    }

    /// The envelope, the rate limit (which needs to know the method), the revision, the method.
    ///
    /// A function of its own, as a task keeps room for all that a function uses which waits anywhere.
    @inline(never)
    private func outcome(
        of body: [UInt8], _ request: InboundRequest, _ principal: Principal,
        _ take: @Sendable (RateLimiter.Allowance) -> RateLimiter.Decision
    ) -> Outcome {
        let message: JSONRPCRequest
        do {
            message = try JSONRPCRequest(parsing: body)
        } catch {
            if case .refused(let seconds, _) = take(.work) { return .answer(limited(request, id: error.id, seconds)) }
            return .answer(.json(.ok, bytes: JSONRPCResponse.failure(error).serialized()))
        }
        if case .refused(let seconds, let isFirst) = take(RateLimiter.Allowance(of: message)) {
            return .answer(refuseOverBudget(message, request, principal, seconds: seconds, isFirst: isFirst))
        }
        // Before the revision is looked at: clients send them without `_meta` under any header, and give their session
        // up over a refusal.
        if message.isNotification {
            notify(message, principal)
            return .answer(.empty(.accepted))
        }
        do {
            let era = try MCPEra.of(message, request.head.headerFields)
            var call = ToolCall(
                principal: principal, origin: .mcp, requestID: request.id, client: request.client,
                userAgent: request.head.headerFields[.userAgent] ?? "",
                baseURL: request.baseURL(publicURL: settings.shared.value.publicURL),
                rpcID: message.id)
            call.requestBytes = body.count
            call.protocolVersion = era.version ?? request.head.headerFields[.mcpProtocolVersion]
            return dispatch(message, body, era, call, request)
        } catch {
            if message.isToolCall {
                recordRefused(
                    message.toolName, .invalidArguments(Message(verbatim: error.error.message)), request, principal)
            }
            return .answer(
                .json(error.status, bytes: JSONRPCResponse.failure(id: message.id, error.error).serialized()))
        }
    }

    /// Messages without id are never answered; the one that asks for something is `notifications/cancelled`, which ends
    /// the named call of the same token.
    private func notify(_ message: JSONRPCRequest, _ principal: Principal) {
        guard message.method == "notifications/cancelled", let named = message.params?["requestId"],
            let id = JSONRPCID(named), let token = principal.token
        else { return }
        live.cancel(cause: .clientRequest) {
            $0.origin == .mcp && $0.rpcID == id && $0.principal.token?.id == token.id
        }
    }

    /// A limited `tools/call` is a tool error, everything else an HTTP 429 (`mcp.md` 3). Only the first refusal of a
    /// window leaves an audit row, or a flood would fill the disk.
    private func refuseOverBudget(
        _ message: JSONRPCRequest, _ request: InboundRequest, _ principal: Principal, seconds: Int, isFirst: Bool
    ) -> OutboundResponse {
        guard message.isToolCall else { return limited(request, id: message.id, seconds) }
        let failure = ToolFailure.rateLimited(retryAfterSeconds: seconds)
        if isFirst { recordRefused(message.toolName, failure, request, principal) }
        // A message whose revision cannot be told is refused for the budget all the same.
        let era = (try? MCPEra.of(message, request.head.headerFields)) ?? .handshake
        return .json(
            .ok, bytes: result(message.id, ToolResultEncoding.failure(failure), era).serialized(),
            fields: [.retryAfter: String(seconds)])
    }

    private func disabledForKnownToken(_ request: InboundRequest, _ principal: Principal) async -> OutboundResponse {
        let body = try? await request.body.collect(upTo: Self.refusedBodyLimit)
        let message = body.flatMap { try? JSONRPCRequest(parsing: $0) }
        if let message, message.isToolCall, disabledRows.allows(principal.token?.id, at: now()) {
            recordRefused(message.toolName, .mcpDisabled, request, principal)
        }
        return disabled(request, id: message?.id)
    }

    private func recordRefused(
        _ tool: String, _ failure: ToolFailure, _ request: InboundRequest, _ principal: Principal
    ) {
        let call = ToolCall(principal: principal, origin: .mcp, requestID: request.id, client: request.client)
        recordRefused(tool, failure, call)
    }

    /// The row of a `tools/call` that comes to no tool. Nobody has looked at its arguments, so nothing of them is kept.
    func recordRefused(_ tool: String, _ failure: ToolFailure, _ call: ToolCall) {
        audit.record(
            AuditEntry(tool: tool.cut(toBytes: 64), call: call, arguments: .null, failure: failure, duration: .zero))
    }
}

extension JSONRPCRequest {
    /// Whether this asks for a call of a tool; without an id it would not be answered, and is not made.
    fileprivate var isToolCall: Bool { method == "tools/call" && id != nil }

    /// The tool that a call names; empty where it names none.
    var toolName: String { params?["name"]?.stringValue ?? "" }
}
