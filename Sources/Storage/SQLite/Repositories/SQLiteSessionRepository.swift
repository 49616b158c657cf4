import FoundationEssentials

struct SQLiteSessionRepository: SessionRepository {
    let database: SQLiteConnection

    func insert(_ session: SessionRecord) async throws -> Int64 {
        if session.keyID.isEmpty { throw StorageError.failed("a session needs a key id") }
        return try await database.write { try $0.insert(session) }
    }

    func session(keyID: String) async throws -> SessionRecord? {
        try await database.read { try $0.first(SessionRecord.self, "WHERE key_id = ?", .text(keyID)) }
    }

    func extend(keyID: String, until: Date, usedAt: Date) async throws {
        try await database.write { connection in
            // A session revoked while its refresh was under way stays what it is.
            let count = try connection.run(
                "UPDATE sessions SET expires_at = ?, last_used_at = ? WHERE key_id = ? AND revoked_at IS NULL",
                .date(until), .date(usedAt), .text(keyID))
            if count == 0 { throw StorageError.notFound }
        }
    }

    func touch(keyID: String, usedAt: Date) async throws {
        try await database.write { connection in
            try connection.run(
                "UPDATE sessions SET last_used_at = ? WHERE key_id = ?", .date(usedAt), .text(keyID))
        }
    }

    func revoke(keyID: String, at date: Date) async throws {
        try await database.write { connection in
            try connection.run(
                "UPDATE sessions SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL", .date(date), .text(keyID))
        }
    }

    func purge(now: Date) async throws -> Int {
        let expired = now.addingTimeInterval(-3600)
        let revoked = now.addingTimeInterval(-86400)
        return try await database.write { connection in
            try connection.run(
                "DELETE FROM sessions WHERE expires_at < ? OR revoked_at < ?", .date(expired), .date(revoked))
        }
    }
}
