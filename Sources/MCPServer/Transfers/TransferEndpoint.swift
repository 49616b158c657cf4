package import AgentLink
package import HTTP
package import Logging
package import Storage

package import struct FoundationEssentials.Date

/// `GET /mcp/download/{token}` and `POST /mcp/upload/{token}` (`mcp.md` 7): the URL is the credential, good for one use.
///
/// A use goes through the same steps both ways: known URL → sound request → room for it → use the URL up → rights as
/// they are now → relay → audit row. What fails before the URL is used up leaves it usable.
package struct TransferEndpoint: Sendable {
    let network: any AgentNetwork
    let configuration: TransferConfiguration
    let authority: TransferAuthority
    let slots: TransferSlots
    let space: SpoolSpace
    private let urls: TransferURLs
    private let live: LiveWork
    private let audit: AuditLog
    private let throttle = AuditThrottle<String>()
    /// Looks at downloads, by the token that minted the URL.
    private let lookThrottle = AuditThrottle<Int64>()
    private let now: @Sendable () -> Date
    private let logger: Logger

    package init(services: ToolServices, audit: AuditLog, configuration: TransferConfiguration = .init()) {
        self.init(
            urls: services.transferURLs, identity: services.identity, tokens: services.storage.tokens,
            network: services.network, settings: services.settings, live: services.live, audit: audit,
            configuration: configuration, now: services.now, logger: services.logger)
    }

    package init(
        urls: TransferURLs, identity: IdentityCache, tokens: any APITokenRepository, network: any AgentNetwork,
        settings: any SettingsStore, live: LiveWork, audit: AuditLog, configuration: TransferConfiguration = .init(),
        now: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        self.init(
            urls: urls, identity: identity, tokens: tokens, network: network, settings: settings, live: live,
            audit: audit, configuration: configuration,
            space: SpoolSpace(directory: configuration.spoolDirectory, spare: configuration.spareDiskBytes), now: now,
            logger: logger)
    }

    init(
        urls: TransferURLs, identity: IdentityCache, tokens: any APITokenRepository, network: any AgentNetwork,
        settings: any SettingsStore, live: LiveWork, audit: AuditLog, configuration: TransferConfiguration,
        space: SpoolSpace, now: @escaping @Sendable () -> Date, logger: Logger
    ) {
        self.urls = urls
        self.network = network
        self.live = live
        self.audit = audit
        self.configuration = configuration
        self.space = space
        self.now = now
        self.logger = logger
        slots = TransferSlots(
            capacity: configuration.concurrentTransfers, share: configuration.concurrentTransfersPerUser)
        authority = TransferAuthority(identity: identity, tokens: tokens, settings: settings, now: now)
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

    /// A refusal before there was a transfer to settle.
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
        do {
            return try await work()
        } catch let rejection as Rejection {
            let certain = rejection.grant != nil && rejection.isSpent
            // What can be repeated at will must not fill the log.
            if certain || throttle.allows(request.client.real?.nonEmpty, at: now()) {
                record(
                    rejection.fault.failure, rejection.grant, request, took: .zero, direction: nil,
                    message: rejection.fault.text)
            }
            note(rejection.fault, request, token)
            return rejection.fault.response
        } catch {
            let fault = TransferFault(error)
            note(fault, request, token)
            return fault.response
        }
    }
}

extension TransferEndpoint {
    /// Everything up to the agent.
    /// - Parameter check: what can be said without the agent, and takes what the transfer needs; runs only for a URL that
    ///   is known, and before it is used up.
    /// - Throws: ``Rejection``.
    func admit<Needs: Sendable>(
        _ request: InboundRequest, _ token: String, _ direction: TransferGrant.Direction,
        check: () throws(TransferFault) -> Needs
    ) async throws(Rejection) -> (transfer: LiveTransfer, needs: Needs) {
        let known: TransferGrant
        do { known = try urls.peek(token, for: direction) } catch {
            // Known, but not like this: it is burnt all the same.
            if error.grant != nil { _ = try? urls.consume(token, for: direction) }
            throw Self.rejection(error, isSpent: true)
        }
        let needs: Needs
        do { needs = try check() } catch { throw Rejection(fault: error, grant: known, isSpent: false) }
        let slot = try takeSlot(for: known)
        let grant: TransferGrant
        do { grant = try urls.consume(token, for: direction) } catch { throw Self.rejection(error, isSpent: true) }
        let principal: Principal
        do { principal = try await authority.revalidate(grant) } catch {
            throw Rejection(fault: error, grant: grant, isSpent: true)
        }
        let began = ContinuousClock.now
        let transfer = await begin(grant, principal, slot) { failure, auditText in
            record(
                failure, grant, request, took: began.duration(to: .now), direction: grant.direction, message: auditText)
        }
        return (transfer, needs)
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

    /// Opens the agent's stream for a transfer, and sees that it ends when the transfer is stopped. The caller closes it.
    func openStream(_ transfer: LiveTransfer, _ task: FsTransferTask) async throws -> any AgentStream {
        let link = try await network.link(to: transfer.grant.serverID)
        let timeout = configuration.attachTimeout
        let stream = try await link.openStream(.transfer, userID: nil, attachTimeout: timeout) { id in
            var task = task
            task.streamID = id
            return task.jsonText()
        }
        transfer.note(isAgentWorking: true)
        transfer.onStop { _ in Task { await stream.close() } }
        return stream
    }

    private func begin(
        _ grant: TransferGrant, _ principal: Principal, _ slot: TransferSlots.Slot,
        report: @escaping @Sendable (ToolFailure?, _ auditText: String?) -> Void
    ) async -> LiveTransfer {
        let transfer = LiveTransfer(grant, live: live, slot: slot, report: report)
        await transfer.begin(as: principal, deadline: .now + configuration.totalTimeout) {
            authority.allows(grant, $0)
        }
        return transfer
    }

    /// As ``admit(_:_:_:check:)`` for a mere look at a download: the URL stays, so a look can be repeated, and not
    /// every success leaves a row. A failure is the caller's to reject.
    func admitLook(_ request: InboundRequest, _ token: String) async throws(Rejection) -> LiveTransfer {
        let grant: TransferGrant
        do { grant = try urls.peek(token, for: .download) } catch { throw Self.rejection(error, isSpent: false) }
        let slot = try takeSlot(for: grant)
        let began = ContinuousClock.now
        do {
            return await begin(grant, try await authority.revalidate(grant), slot) { failure, _ in
                guard failure == nil, lookThrottle.allows(grant.tokenID, at: now()) else { return }
                record(nil, grant, request, took: began.duration(to: .now), direction: .download)
            }
        } catch {
            throw Rejection(fault: error, grant: grant, isSpent: false)
        }
    }

    /// Drops the URLs whose makers have lost the right to them; called after identities changed. A URL that escapes
    /// this fails at its use.
    package func purgeRevoked() async {
        let all = Set(urls.grants.map(\.right))
        var lost: Set<TransferGrant> = []
        for right in all {
            do { _ = try await authority.revalidate(right) } catch {
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
        case .wrongDirection: failure = .invalidArguments(text)
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

    private func record(
        _ failure: ToolFailure?, _ grant: TransferGrant?, _ request: InboundRequest, took duration: Duration,
        direction: TransferGrant.Direction?, message: String? = nil
    ) {
        let asked: TransferGrant.Direction = request.head.method == .post ? .upload : .download
        let call = ToolCall(
            principal: grant.map(Principal.init(minting:)) ?? .guest, origin: .transfer, requestID: request.id,
            client: request.client)
        var arguments: JSONObject = [:]
        if let grant {
            arguments = ["server_id": .integer(grant.serverID), "path": .string(grant.path)]
            if request.head.method == .head { arguments["head"] = true }
        }
        audit.record(
            AuditEntry(
                tool: (direction ?? asked).subject, call: call, arguments: .object(arguments), failure: failure,
                message: message, duration: duration))
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

extension Principal {
    /// Who minted a URL, as far as the URL itself knows; names rows of the audit log and grants nothing.
    fileprivate init(minting grant: TransferGrant) {
        self.init(
            user: UserIdentity(id: grant.userID, username: "", isAdministrator: false),
            credential: .token(TokenIdentity(id: grant.tokenID, name: "", scopes: [], serverIDs: [], expiresAt: nil)))
    }
}
