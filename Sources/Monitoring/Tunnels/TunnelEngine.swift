package import AgentLink
package import HTTP
package import Logging
package import Storage
import Synchronization

/// Takes requests for the hosts of NAT rules, and has the agents carry them into their networks (`engines.md` 8).
package final class TunnelEngine: Sendable {
    /// How long an agent may take to open its end.
    static let attachTimeout = Duration.seconds(10)

    private let table = Mutex(TunnelTable())
    private let rows: any ResourceRepository<NATForm>
    private let roster: any Roster
    private let network: any AgentNetwork
    private let isReserved: @Sendable (_ host: String) -> Bool
    private let blocked: @Sendable (InboundRequest) -> OutboundResponse
    private let logger: Logger

    /// - Parameters:
    ///   - isReserved: whether a host is the gateway's own, which no rule may take.
    ///   - blocked: the answer to requests for a rule that is switched off.
    package init(
        storage: Storage, roster: any Roster, network: any AgentNetwork,
        isReserved: @escaping @Sendable (_ host: String) -> Bool,
        blocked: @escaping @Sendable (InboundRequest) -> OutboundResponse, logger: Logger
    ) {
        rows = storage.rows(of: NATForm.self)
        self.roster = roster
        self.network = network
        self.isReserved = isReserved
        self.blocked = blocked
        self.logger = logger
    }

    /// Reads the rules, and hears of their changes from then on. A rule for one of the gateway's own hosts is left out.
    package func load() async throws {
        rows.observe { [weak self] change in
            self?.table.withLock { table in
                switch change {
                case .saved(let row): table.set(row)
                case .deleted(let ids): for id in ids { table.remove(id) }
                }
            }
        }
        for row in try await rows.all() {
            guard !isReserved(row.form.domain) else {
                logger.warning("a NAT rule for the gateway's own host is left out", metadata: ["rule": "\(row.id)"])
                continue
            }
            table.withLock { $0.set(row) }
        }
    }

    /// Who answers a request.
    /// - Returns: `nil` for a host without a rule.
    package func owner(of request: InboundRequest) -> HTTPEntry? {
        guard let host = request.head.authority, let rule = table.withLock({ $0.rule(host: host) }),
            !isReserved(host)
        else { return nil }
        return { await self.answer($0, by: rule) }
    }

    private func answer(_ request: InboundRequest, by rule: Owned<NATForm>) async -> OutboundResponse {
        guard rule.form.enabled else { return blocked(request) }
        do {
            return try await relay(request, by: rule)
        } catch AgentCallError.tooManyStreams {
            return .text(.tooManyRequests, "too many requests through this tunnel")
        } catch is AgentCallError {
            return .text(.serviceUnavailable, "the server of this tunnel is not connected")
        } catch {
            return .text(.badGateway, "the service behind this tunnel did not answer")
        }
    }

    private func relay(_ request: InboundRequest, by rule: Owned<NATForm>) async throws -> OutboundResponse {
        // The server may be somebody else's by now, and the rule's owner may have gone.
        guard let server = roster.server(id: rule.form.serverID), roster.reaches(server, owner: rule.owner) else {
            throw AgentCallError.offline
        }
        let link = try await network.link(to: rule.form.serverID)
        let host = rule.form.host
        let stream = try await link.openStream(.nat, userID: rule.owner, attachTimeout: Self.attachTimeout) {
            NATTask(streamID: $0, host: host).jsonText()
        }
        let relay = TunnelRelay(request, over: stream)
        let head: HTTPResponse
        do {
            head = try await relay.head()
        } catch {
            await relay.close()
            throw error is CancellationError ? error : TunnelRelay.Failure.noResponse
        }
        var response = head
        let length = head.headerFields[.contentLength].flatMap { Int64($0) }
        response.headerFields = HTTPFields(
            head.headerFields.filter { !RelayedExchange.hopByHop.contains($0.name) && $0.name != .contentLength })
        if relay.isSwitched {
            response.headerFields[.upgrade] = head.headerFields[.upgrade] ?? "websocket"
            response.headerFields[.connection] = "Upgrade"
            return OutboundResponse(head: response, body: .switched(ProtocolSwitch { await relay.splice($0) }))
        }
        if request.head.method == .head || head.status.code == 204 || head.status.code == 304 {
            await relay.close()
            return OutboundResponse(head: response)
        }
        return OutboundResponse(
            head: response,
            body: .stream(length: length) { write in try await relay.pump(write) })
    }
}
