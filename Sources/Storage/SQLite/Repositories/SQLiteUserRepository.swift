import FoundationEssentials

struct SQLiteUserRepository: UserRepository {
    let database: SQLiteConnection

    func insert(_ user: UserRecord) async throws -> Int64 {
        try await database.write { try $0.insert(user) }
    }

    func update(_ user: UserRecord) async throws {
        try await database.write { connection in
            guard let stored = try Self.user(id: user.id, connection) else { throw StorageError.notFound }
            var user = user
            // A record read before a change of the password must not bring old sessions back to life.
            user.tokenVersion = max(user.tokenVersion, stored.tokenVersion)
            user.createdAt = stored.createdAt
            try connection.update(user, key: user.id)
        }
    }

    func user(id: Int64) async throws -> UserRecord? {
        try await database.read { try Self.user(id: id, $0) }
    }

    func user(named username: String) async throws -> UserRecord? {
        try await database.read { try $0.first(UserRecord.self, "WHERE username = ?", .text(username)) }
    }

    func user(agentSecretHash: String) async throws -> UserRecord? {
        // Several users may have no secret; none of them is the owner of an agent without one. The index has no empty
        // secrets, so only a query that says the same may use it.
        if agentSecretHash.isEmpty { return nil }
        return try await database.read { connection in
            try connection.first(
                UserRecord.self, "WHERE agent_secret_hash = ? AND agent_secret_hash <> ''", .text(agentSecretHash))
        }
    }

    func users() async throws -> [UserRecord] {
        try await database.read { try $0.all(UserRecord.self, "ORDER BY id") }
    }

    func count() async throws -> Int {
        try await database.read { Int(try $0.integers("SELECT COUNT(*) FROM users").first ?? 0) }
    }

    func setPassword(_ hash: String, rejectPassword: Bool?, username: String?, for id: Int64) async throws {
        let now = Date()
        try await database.write { connection in
            guard var user = try Self.user(id: id, connection) else { throw StorageError.notFound }
            if rejectPassword == true, try Self.bindings(of: id, connection).isEmpty {
                throw StorageError.failed("log-in by password is refused and no binding is there")
            }
            user.passwordHash = hash
            user.rejectPassword = rejectPassword ?? user.rejectPassword
            user.username = username ?? user.username
            user.tokenVersion += 1
            user.updatedAt = now
            try connection.update(user, key: id)
            try connection.run(
                "UPDATE sessions SET revoked_at = ? WHERE user_id = ? AND revoked_at IS NULL", .date(now), .integer(id))
        }
    }

    func replacePasswordHash(_ old: String, by new: String, for id: Int64) async throws {
        try await database.write { connection in
            try connection.run(
                "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?", .text(new), .integer(id),
                .text(old))
        }
    }

    func delete(ids: [Int64]) async throws -> (servers: [Int64], tokens: [Int64]) {
        let deleted = try await database.write { connection in
            var deleted = Deleted()
            for id in ids {
                let servers = try connection.integers(
                    "SELECT id FROM servers WHERE user_id = ? ORDER BY id", .integer(id))
                let tokens = try connection.integers(
                    "SELECT id FROM api_tokens WHERE user_id = ? ORDER BY id", .integer(id))
                // 0 owns the servers of the global secret; nobody has that id, so nothing of it may go.
                guard try connection.run("DELETE FROM users WHERE id = ?", .integer(id)) > 0 else { continue }
                // Tokens, sessions and bindings went with the user, memberships go with the servers (foreign keys).
                try connection.run("DELETE FROM servers WHERE user_id = ?", .integer(id))
                deleted.servers += servers
                deleted.tokens += tokens
            }
            return deleted
        }
        return (deleted.servers, deleted.tokens)
    }

    private static func user(id: Int64, _ connection: Connection) throws -> UserRecord? {
        try connection.first(UserRecord.self, "WHERE id = ?", .integer(id))
    }

    private struct Deleted: Sendable {
        var servers: [Int64] = []
        var tokens: [Int64] = []
    }
}
