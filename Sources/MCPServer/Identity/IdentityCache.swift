package import Storage
import Synchronization

package import struct FoundationEssentials.Date

/// Users, servers and used tokens in memory, so that a request costs no query.
///
/// The storage tells by its revision when any of them changed, also by another process; ``refresh()`` reads anew then.
/// Whoever changes them in this process calls ``refresh()`` before answering, so the change is in force at once.
package final class IdentityCache: Sendable {
    private struct Snapshot {
        var revision: Int64 = -1
        var users: [Int64: UserRecord] = [:]
        var usersByAgentSecret: [String: Int64] = [:]
        var servers: [Int64: ServerRecord] = [:]
        var serversByUUID: [String: Int64] = [:]
        /// By display index descending, then id.
        var orderedServers: [ServerRecord] = []
        var tokensByHash: [String: APITokenRecord] = [:]
        /// Put in since the last reading, with the revision that surely holds them.
        var inserted: [(server: ServerRecord, revision: Int64)] = []
        /// Users who were looked for in the storage since the last reading, and were not there.
        var missingUsers: Set<Int64> = []

        mutating func add(_ server: ServerRecord) {
            guard servers[server.id] == nil else { return }
            servers[server.id] = server
            serversByUUID[server.uuid] = server.id
            var low = 0
            var high = orderedServers.count
            while low < high {
                let middle = (low + high) / 2
                if orderedServers[middle].precedes(server) { low = middle + 1 } else { high = middle }
            }
            orderedServers.insert(server, at: low)
        }
    }

    private let storage: Storage
    private let snapshot = Mutex(Snapshot())

    /// Tokens kept at most; beyond it the table starts anew.
    private static let tokenCapacity = 100_000
    private static let missingUserCapacity = 1_000

    package init(storage: Storage) {
        self.storage = storage
    }

    /// The revision of what is in memory.
    package var revision: Int64 { snapshot.withLock { $0.revision } }

    /// Reads everything anew when the storage has changed since.
    /// - Returns: whether it had changed.
    @discardableResult
    package func refresh() async throws -> Bool {
        let found = try await storage.changes.revision()
        guard found != revision else { return false }
        let users = try await storage.users.users()
        let servers = try await storage.servers.servers()
        snapshot.withLock {
            // A slower, older read must not undo a newer one.
            guard found > $0.revision else { return }
            $0.revision = found
            $0.users = Dictionary(uniqueKeysWithValues: users.map { ($0.id, $0) })
            $0.usersByAgentSecret = Dictionary(
                users.filter { !$0.agentSecretHash.isEmpty }.map { ($0.agentSecretHash, $0.id) }
            ) { first, _ in first }
            $0.servers = Dictionary(uniqueKeysWithValues: servers.map { ($0.id, $0) })
            $0.serversByUUID = Dictionary(uniqueKeysWithValues: servers.map { ($0.uuid, $0.id) })
            $0.orderedServers = servers
            $0.tokensByHash.removeAll(keepingCapacity: true)
            $0.missingUsers.removeAll()
            // What was put in after this reading began stays; a later reading decides about it.
            $0.inserted.removeAll { $0.revision <= found }
            for (server, _) in $0.inserted { $0.add(server) }
        }
        return true
    }

    package func user(id: Int64) -> UserRecord? { snapshot.withLock { $0.users[id] } }

    /// As ``user(id:)``, but one who is not in memory may have been made by another process a moment ago, so the storage
    /// is asked whether anything has changed. An id is asked for once after each change, as somebody who sends it again
    /// and again must not cost a query each time.
    package func userMaybeNew(id: Int64) async throws -> UserRecord? {
        let (known, isMissing) = snapshot.withLock { ($0.users[id], $0.missingUsers.contains(id)) }
        if isMissing || known != nil { return known }
        try await refresh()
        return snapshot.withLock { state in
            if let user = state.users[id] { return user }
            if state.missingUsers.count >= Self.missingUserCapacity { state.missingUsers.removeAll() }
            state.missingUsers.insert(id)
            return nil
        }
    }

    package func server(id: Int64) -> ServerRecord? { snapshot.withLock { $0.servers[id] } }

    /// The server of the agent with this UUID, compared verbatim.
    package func server(uuid: String) -> ServerRecord? {
        snapshot.withLock { state in state.serversByUUID[uuid].flatMap { state.servers[$0] } }
    }

    /// The user whose agents log in with the secret of this keyed hash.
    package func user(agentSecretHash hash: String) -> UserRecord? {
        guard !hash.isEmpty else { return nil }
        return snapshot.withLock { state in state.usersByAgentSecret[hash].flatMap { state.users[$0] } }
    }

    /// Makes a server that was just stored visible, without reading everything anew.
    /// - Parameter revision: the storage's, read after the server was stored.
    package func insert(_ server: ServerRecord, at revision: Int64) {
        snapshot.withLock {
            guard $0.revision < revision else { return }
            $0.add(server)
            $0.inserted.append((server, revision))
        }
    }

    /// All servers in list order.
    package var servers: [ServerRecord] { snapshot.withLock { $0.orderedServers } }

    /// The token with this hash, and the revision under which it is valid.
    package func token(hash: String) async throws -> (token: APITokenRecord, revision: Int64)? {
        let (known, revision) = snapshot.withLock { ($0.tokensByHash[hash], $0.revision) }
        if let known { return (known, revision) }
        guard let found = try await storage.tokens.token(hash: hash) else { return nil }
        snapshot.withLock {
            guard $0.revision == revision else { return }
            if $0.tokensByHash.count >= Self.tokenCapacity { $0.tokensByHash.removeAll() }
            $0.tokensByHash[hash] = found
        }
        return (found, revision)
    }

    /// As ``token(hash:)`` with the token's user, where both are in memory.
    func known(hash: String) -> (token: APITokenRecord, user: UserRecord, revision: Int64)? {
        snapshot.withLock {
            guard let token = $0.tokensByHash[hash], let user = $0.users[token.userID] else { return nil }
            return (token, user, $0.revision)
        }
    }

    /// The principal as it stands now, or `nil` when nothing of it is left: the token or session is gone, expired or
    /// void, or its user no longer exists.
    package func reload(_ principal: Principal, now: Date) async throws -> Principal? {
        let revision = self.revision
        switch principal.credential {
        case .guest:
            return Principal(user: nil, credential: .guest, revision: revision)
        case .token(let token):
            guard let row = try await storage.tokens.token(id: token.id), let user = user(id: row.userID) else {
                return nil
            }
            let identity = TokenIdentity(row)
            guard row.userID == principal.user?.id, !identity.isExpired(at: now) else { return nil }
            return Principal(user: UserIdentity(user), credential: .token(identity), revision: revision)
        case .session(let session):
            guard let row = try await storage.sessions.session(keyID: session.keyID), row.revokedAt == nil,
                row.expiresAt >= now, let user = user(id: row.userID), row.tokenVersion == user.tokenVersion
            else { return nil }
            return Principal(user: UserIdentity(user), credential: .session(session), revision: revision)
        }
    }
}

extension ServerRecord {
    /// The order of every list of servers.
    fileprivate func precedes(_ other: ServerRecord) -> Bool {
        displayIndex != other.displayIndex ? displayIndex > other.displayIndex : id < other.id
    }
}

extension UserIdentity {
    package init(_ record: UserRecord) {
        self.init(id: record.id, username: record.username, isAdministrator: record.isAdministrator)
    }
}

extension TokenIdentity {
    package init(_ record: APITokenRecord) {
        self.init(
            id: record.id, name: record.name, scopes: record.scopes.map { Scope($0) }, serverIDs: record.serverIDs,
            expiresAt: record.expiresAt)
    }
}
