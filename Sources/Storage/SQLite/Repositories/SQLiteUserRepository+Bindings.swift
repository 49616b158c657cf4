extension SQLiteUserRepository {
    func bind(_ binding: OAuth2Binding, to id: Int64) async throws {
        try await database.write { connection in
            guard try connection.exists(id, in: "users") else { throw StorageError.notFound }
            try connection.run(
                "INSERT OR IGNORE INTO oauth2_bindings (user_id, provider, open_id) VALUES (?, ?, ?)", .integer(id),
                .text(binding.provider), .text(binding.openID))
        }
    }

    func unbind(provider: String, from id: Int64) async throws -> OAuth2Unbinding {
        try await database.write { connection in
            let bindings = try Self.bindings(of: id, connection)
            let others = bindings.filter { !$0.provider.utf8.elementsEqual(provider.utf8) }
            guard others.count < bindings.count else { return .none }
            let refuses = try connection.integers(
                "SELECT id FROM users WHERE id = ? AND reject_password <> 0", .integer(id))
            guard refuses.isEmpty || !others.isEmpty else { return .lastWayIn }
            try connection.run(
                "DELETE FROM oauth2_bindings WHERE user_id = ? AND provider = ?", .integer(id), .text(provider))
            return .done
        }
    }

    func bindings(of id: Int64) async throws -> [OAuth2Binding] {
        try await database.read { try Self.bindings(of: id, $0) }
    }

    func user(boundTo binding: OAuth2Binding) async throws -> UserRecord? {
        try await database.read { connection in
            try connection.first(
                UserRecord.self,
                """
                WHERE id = (SELECT user_id FROM oauth2_bindings WHERE provider = ? AND open_id = ? ORDER BY id LIMIT 1)
                """, .text(binding.provider), .text(binding.openID))
        }
    }

    static func bindings(of id: Int64, _ connection: Connection) throws -> [OAuth2Binding] {
        try connection.rows(
            "SELECT provider, open_id FROM oauth2_bindings WHERE user_id = ? ORDER BY id", [.integer(id)]
        ) { row in
            OAuth2Binding(
                provider: try row.text(at: 0, column: "provider"), openID: try row.text(at: 1, column: "open_id"))
        }
    }
}
