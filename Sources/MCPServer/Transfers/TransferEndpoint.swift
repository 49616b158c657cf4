package import HTTP
import JSON
package import Logging
import Primitives
package import Settings
package import Storage

package import struct FoundationEssentials.Date

/// `GET /mcp/download/{token}` and `POST /mcp/upload/{token}` (`mcp.md` 7): the URL is the credential, good for one use.
///
/// A use goes through the same steps both ways: known URL → sound request → room for it → use the URL up → who uses it →
/// call of a tool. What fails before the URL is used up leaves it usable.
package struct TransferEndpoint: Sendable {
    let configuration: TransferConfiguration
    let slots: TransferSlots
    let space: SpoolSpace
    let registry: ToolRegistry
    private let urls: TransferURLs
    private let authority: TransferAuthority
    private let audit: AuditLog
    private let throttle = AuditThrottle<String>()
    /// Looks at downloads, by the token that minted the URL.
    private let lookThrottle = AuditThrottle<Int64>()
    private let now: @Sendable () -> Date
    private let logger: Logger

    /// - Parameter registry: has the tools `fs.download` and `fs.upload`.
    package init(
        registry: ToolRegistry, urls: TransferURLs, gate: AccessGate, identity: IdentityCache,
        tokens: any APITokenRepository, settings: any SettingsStore, audit: AuditLog,
        configuration: TransferConfiguration, now: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        self.init(
            registry: registry, urls: urls, gate: gate, identity: identity, tokens: tokens, settings: settings,
            audit: audit, configuration: configuration,
            space: SpoolSpace(directory: configuration.spoolDirectory, spare: configuration.spareDiskBytes), now: now,
            logger: logger)
    }

    init(
        registry: ToolRegistry, urls: TransferURLs, gate: AccessGate, identity: IdentityCache,
        tokens: any APITokenRepository, settings: any SettingsStore, audit: AuditLog,
        configuration: TransferConfiguration, space: SpoolSpace, now: @escaping @Sendable () -> Date, logger: Logger
    ) {
        self.registry = registry
        self.urls = urls
        self.audit = audit
        self.configuration = configuration
        self.space = space
        self.now = now
        self.logger = logger
        slots = TransferSlots(
            capacity: configuration.concurrentTransfers, share: configuration.concurrentTransfersPerUser)
        authority = TransferAuthority(
            gate: gate, identity: identity, tokens: tokens, settings: settings, now: now)
    }

    /// Answers every method on `/mcp/download/{token}`. `HEAD` tells what `GET` would, the length included, and does
    /// not use the URL up.
    package func handleDownload(_ request: InboundRequest, token: String) async -> OutboundResponse {
        switch request.head.method {
        case .get: await answer(request, token) { try await download(request, token) }
        case .head: await answer(request, token) { try await describe(request, token) }
        default: Self.methodNotAllowed("GET, HEAD")
        }
    }

    /// Answers every method on `/mcp/upload/{token}`.
    package func handleUpload(_ request: InboundRequest, token: String) async -> OutboundResponse {
        switch request.head.method {
        case .post: await answer(request, token) { try await upload(request, token) }
        default: Self.methodNotAllowed("POST")
        }
    }

    /// A refusal before there was a call, which leaves the row.
    struct Rejection: Error {
        var fault: TransferFault
        /// Whose URL it was, where that is known.
        var grant: TransferGrant?
        /// Whether the URL is worth nothing now.
        var isSpent: Bool
    }

    private func answer(
        _ request: InboundRequest, _ token: String, _ work: () async throws -> OutboundResponse
    ) async -> OutboundResponse {
        let fault: TransferFault
        do {
            return try await work()
        } catch let rejection as Rejection {
            fault = rejection.fault
            let certain = rejection.grant != nil && rejection.isSpent
            // What can be repeated at will must not fill the log.
            if certain || allowsRow(of: request) { record(rejection, request) }
        } catch {
            fault = error as? TransferFault ?? TransferFault(ToolFailure(error))
        }
        note(fault, request, token)
        return fault.response
    }

    private func allowsRow(of request: InboundRequest) -> Bool {
        throttle.allows(request.client.real?.nonEmpty, at: now())
    }
}

extension TransferEndpoint {
    /// A use of a URL that may become a call.
    struct Admission<Needs: Sendable>: Sendable {
        var grant: TransferGrant
        var call: ToolCall
        var slot: TransferSlots.Slot
        var needs: Needs
    }

    /// Everything up to the call.
    /// - Parameter check: what can be said without the agent, and takes what the transfer needs; runs only for a URL that
    ///   is known, and before it is used up.
    /// - Throws: ``Rejection``.
    func admit<Needs: Sendable>(
        _ request: InboundRequest, _ token: String, _ direction: TransferGrant.Direction,
        check: () async throws(TransferFault) -> Needs
    ) async throws(Rejection) -> Admission<Needs> {
        let known: TransferGrant
        do { known = try urls.peek(token, for: direction) } catch {
            // Known, but not like this: it is burnt all the same.
            if error.grant != nil { _ = try? urls.consume(token, for: direction) }
            throw Self.rejection(error, isSpent: true)
        }
        let needs: Needs
        do { needs = try await check() } catch { throw Rejection(fault: error, grant: known, isSpent: false) }
        let slot = try takeSlot(for: known)
        let grant: TransferGrant
        do { grant = try urls.consume(token, for: direction) } catch { throw Self.rejection(error, isSpent: true) }
        do {
            let call = Self.call(as: try await authority.principal(of: grant), request)
            return Admission(grant: grant, call: call, slot: slot, needs: needs)
        } catch {
            throw Rejection(fault: error, grant: grant, isSpent: true)
        }
    }

    /// As ``admit(_:_:_:check:)`` for a mere look at a download: the URL stays, so a look can be repeated, and not
    /// every one leaves a row.
    func admitLook(_ request: InboundRequest, _ token: String) async throws(Rejection) -> Admission<Void> {
        let grant: TransferGrant
        do { grant = try urls.peek(token, for: .download) } catch { throw Self.rejection(error, isSpent: false) }
        let slot = try takeSlot(for: grant)
        do {
            var call = Self.call(as: try await authority.principal(of: grant), request)
            call.leavesRow = { failure in
                failure == nil ? lookThrottle.allows(grant.tokenID, at: now()) : allowsRow(of: request)
            }
            return Admission(grant: grant, call: call, slot: slot, needs: ())
        } catch {
            throw Rejection(fault: error, grant: grant, isSpent: false)
        }
    }

    private func takeSlot(for grant: TransferGrant) throws(Rejection) -> TransferSlots.Slot {
        do {
            return try slots.take(user: grant.userID)
        } catch {
            let text =
                switch error {
                case .allTaken: "too many concurrent transfers"
                case .userHasShare: "too many concurrent transfers for this user"
                }
            throw Rejection(fault: busy(text), grant: grant, isSpent: false)
        }
    }

    func busy(_ text: String) -> TransferFault {
        .busy("\(text); try again later", retryAfter: configuration.retryAfterSeconds)
    }

    /// Drops the URLs whose makers have lost the right to them; called after identities changed. A URL that escapes
    /// this fails at its use.
    package func purgeRevoked() async {
        let all = Set(urls.grants.map(\.right))
        var lost: Set<TransferGrant> = []
        for right in all {
            do { _ = try await authority.principal(of: right) } catch {
                if error.status == .unauthorized { lost.insert(right) }
            }
        }
        if !lost.isEmpty { urls.purge { lost.contains($0.right) } }
    }

    private static func rejection(_ refusal: TransferURLs.Refusal, isSpent: Bool) -> Rejection {
        let text = refusal.reason.rawValue
        let failure: ToolFailure
        switch refusal.reason {
        case .unknown, .malformed, .badSignature: failure = .permissionDenied
        case .wrongDirection: failure = .invalidArguments(Message(verbatim: text))
        case .expired: failure = .scopeMissing(refusal.grant?.direction.scope ?? .serverRead)
        }
        return Rejection(
            fault: TransferFault(.unauthorized, text, failure), grant: refusal.grant, isSpent: isSpent)
    }

    private static func methodNotAllowed(_ allowed: String) -> OutboundResponse {
        var fields = TransferFields.common
        fields[.allow] = allowed
        return .text(.methodNotAllowed, "method not allowed", fields: fields)
    }

    private static func call(as principal: Principal, _ request: InboundRequest) -> ToolCall {
        request.isOf(principal)
        return ToolCall(principal: principal, origin: .transfer, requestID: request.id, client: request.client)
    }

    /// The row of a use that came to no call; as the call's would have been.
    private func record(_ rejection: Rejection, _ request: InboundRequest) {
        let direction: TransferGrant.Direction = request.head.method == .post ? .upload : .download
        let grant = rejection.grant
        audit.record(
            AuditEntry(
                tool: direction.subject, call: Self.call(as: grant.map(Principal.init(minting:)) ?? .guest, request),
                arguments: .object(grant?.arguments(isLook: request.head.method == .head) ?? [:]),
                keptMembers: ["server_id": .value, "path": .text, "head": .value], failure: rejection.fault.failure,
                message: rejection.fault.text, duration: .zero))
    }

    private func note(_ fault: TransferFault, _ request: InboundRequest, _ token: String) {
        logger.info(
            "transfer refused or failed",
            metadata: [
                "request": "\(request.id)", "url": "\(token.prefix(6))…", "status": "\(fault.status.code)",
                "outcome": "\(fault.failure.outcome.rawValue)", "reason": "\(fault.text.cut(toBytes: 512))",
            ])
    }
}

extension TransferGrant {
    /// The arguments of the call that uses it.
    func arguments(isLook: Bool = false) -> JSONObject {
        var arguments: JSONObject = ["server_id": .integer(serverID), "path": .string(path)]
        if isLook { arguments["head"] = true }
        return arguments
    }
}

extension Principal {
    /// Who minted a URL, as far as the URL itself knows; names rows of the audit log and grants nothing.
    fileprivate init(minting grant: TransferGrant) {
        self.init(
            user: UserIdentity(id: grant.userID, username: "", isAdministrator: false),
            credential: .token(TokenIdentity(id: grant.tokenID, name: "", scopes: [], serverIDs: [], expiresAt: nil)))
    }
}
