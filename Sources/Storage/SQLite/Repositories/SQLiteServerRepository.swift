struct SQLiteServerRepository: ServerRepository {
    let database: SQLiteConnection

    func insert(_ server: ServerRecord) async throws -> Int64 {
        if server.uuid.isEmpty { throw StorageError.failed("a server needs a UUID") }
        return try await database.write { connection in
            try Self.requireOwner(server.userID, connection)
            return try connection.insert(server)
        }
    }

    func update(_ server: ServerRecord) async throws {
        try await database.write { connection in
            guard let stored = try connection.first(ServerRecord.self, "WHERE id = ?", .integer(server.id)) else {
                throw StorageError.notFound
            }
            var server = server
            server.uuid = stored.uuid
            server.userID = stored.userID
            server.createdAt = stored.createdAt
            try connection.update(server, key: server.id)
        }
    }

    func server(uuid: String) async throws -> ServerRecord? {
        try await database.read { try $0.first(ServerRecord.self, "WHERE uuid = ?", .text(uuid)) }
    }

    func servers() async throws -> [ServerRecord] {
        try await database.read { try $0.all(ServerRecord.self, "ORDER BY display_index DESC, id") }
    }

    func delete(ids: [Int64]) async throws {
        // Memberships go with them (foreign key).
        try await database.write { connection in
            for id in ids { try connection.run("DELETE FROM servers WHERE id = ?", .integer(id)) }
        }
    }

    /// 0, or a user who exists in this transaction: an owner deleted meanwhile must not leave a server behind.
    private static func requireOwner(_ userID: Int64, _ connection: Connection) throws {
        guard try userID == 0 || connection.exists(userID, in: "users") else { throw StorageError.notFound }
    }
}
