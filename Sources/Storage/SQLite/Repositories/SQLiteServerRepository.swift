import FoundationEssentials

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
            guard let stored = try Self.server(id: server.id, connection) else { throw StorageError.notFound }
            var server = server
            server.uuid = stored.uuid
            server.userID = stored.userID
            server.createdAt = stored.createdAt
            try connection.update(server, key: server.id)
        }
    }

    func setOwner(_ userID: Int64, of id: Int64) async throws {
        let now = Date()
        try await database.write { connection in
            try Self.requireOwner(userID, connection)
            let count = try connection.run(
                "UPDATE servers SET user_id = ?, updated_at = ? WHERE id = ?", .integer(userID), .date(now),
                .integer(id))
            if count == 0 { throw StorageError.notFound }
        }
    }

    func server(id: Int64) async throws -> ServerRecord? {
        try await database.read { try Self.server(id: id, $0) }
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

    private static func server(id: Int64, _ connection: Connection) throws -> ServerRecord? {
        try connection.first(ServerRecord.self, "WHERE id = ?", .integer(id))
    }

    /// 0, or a user who exists in this transaction: an owner deleted meanwhile must not leave a server behind.
    private static func requireOwner(_ userID: Int64, _ connection: Connection) throws {
        if userID == 0 { return }
        if try connection.integers("SELECT id FROM users WHERE id = ?", .integer(userID)).isEmpty {
            throw StorageError.notFound
        }
    }
}

// MARK: Groups

extension SQLiteServerRepository {
    func insert(_ group: ServerGroupRecord) async throws -> Int64 {
        try await database.write { connection in
            let id = try connection.insert(group)
            try Self.setMembers(group.servers, of: id, connection)
            return id
        }
    }

    func update(_ group: ServerGroupRecord) async throws {
        try await database.write { connection in
            guard let stored = try Self.group(id: group.id, connection) else { throw StorageError.notFound }
            var row = group
            row.userID = stored.userID
            row.createdAt = stored.createdAt
            try connection.update(row, key: group.id)
            try Self.setMembers(group.servers, of: group.id, connection)
        }
    }

    func group(id: Int64) async throws -> ServerGroupRecord? {
        try await database.read { connection in
            guard var record = try Self.group(id: id, connection) else { return nil }
            record.servers = try Self.members(of: id, connection)
            return record
        }
    }

    func groups() async throws -> [ServerGroupRecord] {
        try await database.read { connection in
            let members = try connection.all(ServerGroupMember.self, "ORDER BY server_id")
            let byGroup = Dictionary(grouping: members, by: \.groupID)
            return try connection.all(ServerGroupRecord.self, "ORDER BY id").map { record in
                var record = record
                record.servers = byGroup[record.id, default: []].map(\.serverID)
                return record
            }
        }
    }

    func deleteGroups(ids: [Int64]) async throws {
        try await database.write { connection in
            for id in ids { try connection.run("DELETE FROM server_groups WHERE id = ?", .integer(id)) }
        }
    }

    /// Without its members.
    private static func group(id: Int64, _ connection: Connection) throws -> ServerGroupRecord? {
        try connection.first(ServerGroupRecord.self, "WHERE id = ?", .integer(id))
    }

    /// Ascending.
    private static func members(of group: Int64, _ connection: Connection) throws -> [Int64] {
        try connection.integers(
            "SELECT server_id FROM server_group_servers WHERE group_id = ? ORDER BY server_id", .integer(group))
    }

    /// Writes the difference only, so that saving an unchanged group is no change.
    private static func setMembers(_ servers: [Int64], of group: Int64, _ connection: Connection) throws {
        let present = Set(try members(of: group, connection))
        let wanted = Set(servers)
        for server in present.subtracting(wanted) {
            try connection.run(
                "DELETE FROM server_group_servers WHERE group_id = ? AND server_id = ?", .integer(group),
                .integer(server))
        }
        let added = wanted.subtracting(present).sorted()
        try connection.insert(contentsOf: added.map { ServerGroupMember(groupID: group, serverID: $0) })
    }
}
