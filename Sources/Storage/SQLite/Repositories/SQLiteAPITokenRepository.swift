import FoundationEssentials

struct SQLiteAPITokenRepository: APITokenRepository {
    let database: SQLiteConnection

    func insert(_ token: APITokenRecord, limit: Int) async throws -> Int64? {
        try await database.write { connection in
            let count = try connection.integers(
                "SELECT COUNT(*) FROM api_tokens WHERE user_id = ?", .integer(token.userID))
            guard count.allSatisfy({ $0 < limit }) else { return nil }
            if token.tokenHash.isEmpty { throw StorageError.failed("a token needs a hash") }
            return try connection.insert(token)
        }
    }

    func token(id: Int64) async throws -> APITokenRecord? {
        try await database.read { try $0.first(APITokenRecord.self, "WHERE id = ?", .integer(id)) }
    }

    func token(hash: String) async throws -> APITokenRecord? {
        try await database.read { try $0.first(APITokenRecord.self, "WHERE token_hash = ?", .text(hash)) }
    }

    func tokens(of userID: Int64?) async throws -> [APITokenRecord] {
        try await database.read { connection in
            guard let userID else { return try connection.all(APITokenRecord.self, "ORDER BY id DESC") }
            return try connection.all(APITokenRecord.self, "WHERE user_id = ? ORDER BY id DESC", .integer(userID))
        }
    }

    func delete(id: Int64) async throws -> Bool {
        try await database.write { try $0.run("DELETE FROM api_tokens WHERE id = ?", .integer(id)) > 0 }
    }

    func deleteExpired(before date: Date) async throws -> Int {
        try await database.write { try $0.run("DELETE FROM api_tokens WHERE expires_at < ?", .date(date)) }
    }

    func touch(id: Int64, usedAt: Date, ip: String) async throws {
        try await database.write { connection in
            try connection.run(
                "UPDATE api_tokens SET last_used_at = ?, last_used_ip = ? WHERE id = ?", .date(usedAt), .text(ip),
                .integer(id))
        }
    }

    func rename(_ id: Int64, to name: String) async throws {
        let now = Date()
        try await database.write { connection in
            let count = try connection.run(
                "UPDATE api_tokens SET name = ?, updated_at = ? WHERE id = ?", .text(name), .date(now), .integer(id))
            if count == 0 { throw StorageError.notFound }
        }
    }

    func replaceScopes(_ scopes: [String], of id: Int64) async throws {
        let now = Date()
        let text = try ScopeText.text(scopes)
        try await database.write { connection in
            let count = try connection.run(
                "UPDATE api_tokens SET scopes_csv = ?, updated_at = ? WHERE id = ?", .text(text), .date(now),
                .integer(id))
            if count == 0 { throw StorageError.notFound }
        }
    }
}
