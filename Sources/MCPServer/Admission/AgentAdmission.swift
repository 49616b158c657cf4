package import AgentLink
package import Logging
import Primitives
package import Secrets
package import Settings
package import Storage

package import struct FoundationEssentials.Date

/// Decides which agent speaks for which server (`agent-link.md` 1, Authentication).
///
/// Asked at every call of an agent, so the usual case reads memory only; a secret or a UUID that is not in memory is
/// looked up in the storage, as another process may have just made it.
package struct AgentAdmission: AgentAuthority {
    private let storage: Storage
    private let identity: IdentityCache
    private let strikes: StrikeBook
    private let settings: any SettingsStore
    private let dataKey: SecretKey
    /// The keyed hash of the secret that speaks for any server, and whose new servers belong to nobody; `nil` = none.
    private let globalSecretHash: [UInt8]?
    private let registrations = RegistrationBudget()
    /// Hand-overs of servers, whose secrets are good for one server each; `nil` = there are none.
    private let ownership: OwnershipTransfers?
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// - Parameter globalSecret: `agent_secret_key`; empty means there is none.
    package init(
        storage: Storage, identity: IdentityCache, strikes: StrikeBook, settings: any SettingsStore,
        dataKey: SecretKey, globalSecret: String, ownership: OwnershipTransfers? = nil, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.ownership = ownership
        self.storage = storage
        self.identity = identity
        self.strikes = strikes
        self.settings = settings
        self.dataKey = dataKey
        globalSecretHash = globalSecret.isEmpty ? nil : Array(dataKey.keyedHash(globalSecret).utf8)
        self.logger = logger
        self.now = now
    }

    package func admit(secret: String, uuid: String, peer: AgentPeer) async throws(AgentRefusal) -> AgentIdentity {
        let ip = try resolve(peer)
        guard !strikes.isBlocked(ip: ip) else { throw .blocked }
        guard !secret.isEmpty else { throw .unauthenticated("client secret required") }
        guard UUIDText.isValid(uuid) else { throw struck(ip, "client uuid is not valid") }
        let hash = dataKey.keyedHash(secret)
        if let server = try await server(handedOver: hash, uuid: uuid) {
            strikes.clear(ip: ip, identifier: StrikeBook.agentIdentifier)
            return AgentIdentity(serverID: server, realIP: ip)
        }
        guard let owner = try await owner(ofSecret: hash) else { throw struck(ip, "client secret is not valid") }
        // Who knows a secret is no guesser, whatever becomes of the call.
        strikes.clear(ip: ip, identifier: StrikeBook.agentIdentifier)
        let server = try await server(uuid: uuid, orRegisterFor: owner)
        try checkOwner(owner, of: server)
        return AgentIdentity(serverID: server.id, realIP: ip)
    }

    package func realAddress(of peer: AgentPeer) -> String? {
        // Where nothing names the address behind it, the peer is all there is.
        do { return try resolve(peer) ?? peer.address } catch { return peer.address }
    }

    private func resolve(_ peer: AgentPeer) throws(AgentRefusal) -> String? {
        let current = settings.current
        do {
            return try RealAddress.resolve(
                setting: current.agentRealIPHeader, peer: peer.address, trustedProxies: current.trustedProxies
            ) { peer.metadata[$0.lowercased()] }
        } catch {
            throw .unauthenticated(RealAddress.HeaderMissing.text)
        }
    }

    private func struck(_ ip: String?, _ text: String) -> AgentRefusal {
        strikes.strike(ip: ip, identifier: StrikeBook.agentIdentifier, reason: .agentAuthentication)
        return .unauthenticated(text)
    }

    /// The server of an agent that comes with a secret of a hand-over (`transfer.md` 5), which settles what the secret
    /// proves; `nil` for every other secret. It is good for the one agent that it was given to.
    private func server(handedOver hash: String, uuid: String) async throws(AgentRefusal) -> Int64? {
        guard let ownership else { return nil }
        // Another call of the same agent may settle it in between; then the secret means something else.
        for _ in 0..<2 {
            guard let meaning = ownership.asking({ $0.meaning(ofHash: hash, at: now()) }) else { return nil }
            guard let id = meaning.server, let server = identity.server(id: id),
                server.uuid.utf8.elementsEqual(uuid.utf8)
            else { throw .unauthenticated("client secret is not valid for this server") }
            switch meaning {
            case .undone, .lasting, .retired: return id
            case .returned(let transfer, _):
                try await reading { try await ownership.acknowledge(transfer: transfer, server: id) }
                return id
            case .proof(let transfer, _):
                if try await reading({ try await ownership.verify(transfer: transfer, server: id) }) { return id }
            }
        }
        throw .unavailable
    }

    /// Whether the agents of this user may speak for the server. While it is being handed over that is the former owner's
    /// secret, which the agent still has, and not yet the new one's.
    private func checkOwner(_ owner: Int64, of server: ServerRecord) throws(AgentRefusal) {
        if owner == 0 { return }
        if server.userID == owner {
            guard ownership?.asking({ $0.pendingTransfer(of: server.id) }) != nil else { return }
            throw .unauthenticated("the server is being handed over; its agent comes with the former owner's secret")
        }
        let isFormer = ownership?.asking { $0.admits(formerOwner: owner, of: server.id, at: now()) } ?? false
        guard isFormer else {
            throw .foreignServer(server: server.id, owner: server.userID, secretOwner: owner)
        }
    }

    /// The user whose agents have the secret of this keyed hash, 0 for the global one, `nil` for nobody.
    private func owner(ofSecret hash: String) async throws(AgentRefusal) -> Int64? {
        if let globalSecretHash, constantTimeEquals(Array(hash.utf8), globalSecretHash) { return 0 }
        if let user = identity.user(agentSecretHash: hash) { return user.id }
        return try await reading { try await storage.users.user(agentSecretHash: hash)?.id }
    }

    private func server(uuid: String, orRegisterFor owner: Int64) async throws(AgentRefusal) -> ServerRecord {
        if let server = identity.server(uuid: uuid) { return server }
        if let server = try await reading({ try await storage.servers.server(uuid: uuid) }) {
            try await show(server)
            return server
        }
        try takeRoom(for: owner)
        defer { registrations.end(for: owner) }
        let date = now()
        var server = ServerRecord(
            userID: owner, uuid: uuid, name: ServerNames.random(), createdAt: date, updatedAt: date)
        do {
            server.id = try await storage.servers.insert(server)
        } catch StorageError.duplicate {
            // Another call of the same agent was faster.
            guard let server = try await reading({ try await storage.servers.server(uuid: uuid) }) else {
                throw .unavailable
            }
            try await show(server)
            return server
        } catch StorageError.notFound {
            // The owner was deleted a moment ago.
            throw .unauthenticated("client secret is not valid")
        } catch {
            throw unavailable(error)
        }
        try await show(server)
        logger.info(
            "agent registered", metadata: ["server": "\(server.id)", "name": "\(server.name)", "owner": "\(owner)"])
        return server
    }

    /// Whoever has a secret may invent UUIDs without end, and each server costs memory and disk for good.
    /// The room is given back by ``RegistrationBudget/end(for:)``.
    private func takeRoom(for owner: Int64) throws(AgentRefusal) {
        let limit = settings.current.maxServersPerUser
        let isWithin = registrations.begin(for: owner, limit: limit) {
            identity.servers.count(where: { $0.userID == owner })
        }
        guard isWithin else {
            throw .tooManyServers("the owner of this secret has \(limit) servers already (max_servers_per_user)")
        }
        guard registrations.take(for: owner, at: now()) else {
            registrations.end(for: owner)
            throw .tooManyServers("too many new servers at once; try again in a minute")
        }
    }

    /// Makes a stored server visible to every call at once, at the cost of this one server.
    private func show(_ server: ServerRecord) async throws(AgentRefusal) {
        let revision = try await reading { try await storage.changes.revision() }
        identity.insert(server, at: revision)
    }

    private func reading<Value: Sendable>(
        _ body: () async throws -> Value
    ) async throws(AgentRefusal) -> Value {
        do {
            return try await body()
        } catch {
            throw unavailable(error)
        }
    }

    private func unavailable(_ error: any Error) -> AgentRefusal {
        // An agent that leaves while it is asked about is no fault of the storage.
        guard !(error is CancellationError) else { return .unavailable }
        logger.error("agent not admitted: the storage failed", metadata: ["error": "\(error)"])
        return .unavailable
    }
}
