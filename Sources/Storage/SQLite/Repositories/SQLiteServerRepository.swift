import Foundation
import GRDB

struct SQLiteServerRepository: ServerRepository {
    let connection: SQLiteConnection

    func insert(_ server: ServerRecord) async throws -> Int64 {
        if server.uuid.isEmpty { throw StorageError.failed("a server needs a UUID") }
        return try await connection.write { db in
            try requireOwner(server.userID, db)
            var row = ServerRow(server)
            row.record.id = 0
            try row.insert(db)
            return db.lastInsertedRowID
        }
    }

    func update(_ server: ServerRecord) async throws {
        try await connection.write { db in
            guard let stored = try ServerRow.fetchOne(db, key: server.id)?.record else {
                throw StorageError.notFound
            }
            var row = ServerRow(server)
            row.record.uuid = stored.uuid
            row.record.userID = stored.userID
            row.record.createdAt = stored.createdAt
            try row.update(db)
        }
    }

    func setOwner(_ userID: Int64, of id: Int64) async throws {
        let now = Date()
        try await connection.write { db in
            try requireOwner(userID, db)
            guard var row = try ServerRow.fetchOne(db, key: id) else { throw StorageError.notFound }
            row.record.userID = userID
            row.record.updatedAt = now
            try row.update(db)
        }
    }

    func server(id: Int64) async throws -> ServerRecord? {
        try await connection.read { try ServerRow.fetchOne($0, key: id)?.record }
    }

    func server(uuid: String) async throws -> ServerRecord? {
        try await connection.read { db in
            try ServerRow.filter { _ in ServerRow.Columns.uuid == uuid.storable }.fetchOne(db)?.record
        }
    }

    func servers() async throws -> [ServerRecord] {
        try await connection.read { db in
            try ServerRow.order(ServerRow.Columns.displayIndex.desc, ServerRow.Columns.id)
                .fetchAll(db).map(\.record)
        }
    }

    func delete(ids: [Int64]) async throws {
        // Memberships go with them (foreign key).
        try await connection.write { db in
            for id in ids { try ServerRow.deleteOne(db, key: id) }
        }
    }

    /// 0, or a user who exists in this transaction: an owner deleted meanwhile must not leave a server behind.
    private func requireOwner(_ userID: Int64, _ db: Database) throws {
        guard try userID == 0 || UserRow.exists(db, key: userID) else { throw StorageError.notFound }
    }
}

// MARK: Groups

extension SQLiteServerRepository {
    func insert(_ group: ServerGroupRecord) async throws -> Int64 {
        try await connection.write { db in
            var row = ServerGroupRow(group)
            row.record.id = 0
            try row.insert(db)
            let id = db.lastInsertedRowID
            try setMembers(group.servers, of: id, db)
            return id
        }
    }

    func update(_ group: ServerGroupRecord) async throws {
        try await connection.write { db in
            guard let stored = try ServerGroupRow.fetchOne(db, key: group.id)?.record else {
                throw StorageError.notFound
            }
            var row = ServerGroupRow(group)
            row.record.userID = stored.userID
            row.record.createdAt = stored.createdAt
            try row.update(db)
            try setMembers(group.servers, of: group.id, db)
        }
    }

    func group(id: Int64) async throws -> ServerGroupRecord? {
        try await connection.read { db in
            guard var record = try ServerGroupRow.fetchOne(db, key: id)?.record else { return nil }
            record.servers = try members(of: id, db).sorted()
            return record
        }
    }

    func groups() async throws -> [ServerGroupRecord] {
        try await connection.read { db in
            let members = try ServerGroupMemberRow.order(ServerGroupMemberRow.Columns.serverID).fetchAll(db)
            let byGroup = Dictionary(grouping: members, by: \.groupID)
            return try ServerGroupRow.order(ServerGroupRow.Columns.id).fetchAll(db).map { row in
                var record = row.record
                record.servers = byGroup[record.id, default: []].map(\.serverID)
                return record
            }
        }
    }

    func deleteGroups(ids: [Int64]) async throws {
        try await connection.write { db in
            for id in ids { try ServerGroupRow.deleteOne(db, key: id) }
        }
    }

    private func members(of group: Int64, _ db: Database) throws -> Set<Int64> {
        let rows = ServerGroupMemberRow.filter { _ in ServerGroupMemberRow.Columns.groupID == group }
        return try Int64.fetchSet(db, rows.select(ServerGroupMemberRow.Columns.serverID))
    }

    /// Writes the difference only, so that saving an unchanged group is no change.
    private func setMembers(_ servers: [Int64], of group: Int64, _ db: Database) throws {
        let present = try members(of: group, db)
        let wanted = Set(servers)
        for server in present.subtracting(wanted) {
            try ServerGroupMemberRow(groupID: group, serverID: server).delete(db)
        }
        for server in wanted.subtracting(present).sorted() {
            try ServerGroupMemberRow(groupID: group, serverID: server).insert(db)
        }
    }
}
