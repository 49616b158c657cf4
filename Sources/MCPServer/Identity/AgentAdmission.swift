package import AgentLink
package import Logging
package import Secrets
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
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// - Parameter globalSecret: `agent_secret_key`; empty means there is none.
    package init(
        storage: Storage, identity: IdentityCache, strikes: StrikeBook, settings: any SettingsStore,
        dataKey: SecretKey, globalSecret: String, logger: Logger, now: @escaping @Sendable () -> Date = { Date() }
    ) {
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
        guard Self.isUUID(uuid) else { throw struck(ip, "client uuid is not valid") }
        guard let owner = try await owner(ofSecret: secret) else { throw struck(ip, "client secret is not valid") }
        // Who knows a secret is no guesser, whatever becomes of the call.
        strikes.clear(ip: ip, identifier: StrikeBook.agentIdentifier)
        let server = try await server(uuid: uuid, orRegisterFor: owner)
        guard owner == 0 || server.userID == owner else {
            throw .foreignServer(server: server.id, owner: server.userID, secretOwner: owner)
        }
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

    /// The user whose agents have this secret, 0 for the global one, `nil` for nobody.
    private func owner(ofSecret secret: String) async throws(AgentRefusal) -> Int64? {
        let hash = dataKey.keyedHash(secret)
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
        try checkRoom(for: owner)
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
    private func checkRoom(for owner: Int64) throws(AgentRefusal) {
        let limit = settings.current.maxServersPerUser
        guard identity.servers.count(where: { $0.userID == owner }) < limit else {
            throw .tooManyServers("the owner of this secret has \(limit) servers already (max_servers_per_user)")
        }
        guard registrations.take(for: owner, at: now()) else {
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

    /// 8-4-4-4-12 hexadecimal digits of either case.
    static func isUUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { position, byte in
            switch position {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: Character(Unicode.Scalar(byte)).isHexDigit
            }
        }
    }
}
