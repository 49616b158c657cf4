import Foundation
import GRDB

struct SQLiteUserRepository: UserRepository {
    let connection: SQLiteConnection

    func insert(_ user: UserRecord) async throws -> Int64 {
        try await connection.write { db in
            var row = UserRow(user)
            row.record.id = 0
            try row.insert(db)
            return db.lastInsertedRowID
        }
    }

    func update(_ user: UserRecord) async throws {
        try await connection.write { db in
            guard let stored = try UserRow.fetchOne(db, key: user.id) else { throw StorageError.notFound }
            var row = UserRow(user)
            // A record read before a change of the password must not bring old sessions back to life.
            row.record.tokenVersion = max(user.tokenVersion, stored.record.tokenVersion)
            row.record.createdAt = stored.record.createdAt
            try row.update(db)
        }
    }

    func user(id: Int64) async throws -> UserRecord? {
        try await connection.read { try UserRow.fetchOne($0, key: id)?.record }
    }

    func user(named username: String) async throws -> UserRecord? {
        try await connection.read { db in
            try UserRow.filter { _ in UserRow.Columns.username == username.storable }.fetchOne(db)?.record
        }
    }

    func user(agentSecretHash: String) async throws -> UserRecord? {
        // Several users may have no secret; none of them is the owner of an agent without one.
        if agentSecretHash.isEmpty { return nil }
        return try await connection.read { db in
            try UserRow.filter { _ in UserRow.Columns.agentSecretHash == agentSecretHash.storable }.fetchOne(db)?.record
        }
    }

    func users() async throws -> [UserRecord] {
        try await connection.read { try UserRow.order(UserRow.Columns.id).fetchAll($0).map(\.record) }
    }

    func count() async throws -> Int {
        try await connection.read { try UserRow.fetchCount($0) }
    }

    func setPassword(_ hash: String, rejectPassword: Bool?, username: String?, for id: Int64) async throws {
        let now = Date()
        try await connection.write { db in
            guard var row = try UserRow.fetchOne(db, key: id) else { throw StorageError.notFound }
            row.record.passwordHash = hash
            row.record.rejectPassword = rejectPassword ?? row.record.rejectPassword
            row.record.username = username ?? row.record.username
            row.record.tokenVersion += 1
            row.record.updatedAt = now
            try row.update(db)
            try SessionRow
                .filter { _ in SessionRow.Columns.userID == id && SessionRow.Columns.revokedAt == nil }
                .updateAll(db, SessionRow.Columns.revokedAt.set(to: now.storedMilliseconds))
        }
    }

    func delete(id: Int64) async throws -> (servers: [Int64], tokens: [Int64]) {
        let deleted = try await connection.write { db in
            let servers = ServerRow.filter { _ in ServerRow.Columns.userID == id }
            let tokens = APITokenRow.filter { _ in APITokenRow.Columns.userID == id }
            let ids = Deleted(
                servers: try Int64.fetchAll(db, servers.select(ServerRow.Columns.id).order(ServerRow.Columns.id)),
                tokens: try Int64.fetchAll(db, tokens.select(APITokenRow.Columns.id).order(APITokenRow.Columns.id)))
            // 0 owns the servers of the global secret; nobody has that id, so nothing of it may go.
            guard try UserRow.deleteOne(db, key: id) else { return Deleted(servers: [], tokens: []) }
            // Tokens and sessions went with the user, memberships go with the servers (foreign keys).
            try servers.deleteAll(db)
            return ids
        }
        return (deleted.servers, deleted.tokens)
    }

    private struct Deleted: Sendable {
        var servers: [Int64]
        var tokens: [Int64]
    }
}
