import FoundationEssentials

struct SQLiteServerTransferRepository: ServerTransferRepository {
    let database: SQLiteConnection

    func start(_ transfer: ServerTransferRecord) async throws -> Int64 {
        try await database.write { connection in
            guard try connection.exists(transfer.toUserID, in: "users") else { throw StorageError.notFound }
            let id = try connection.insert(transfer)
            let moved = try connection.run(
                "UPDATE servers SET user_id = ? WHERE id = ? AND user_id = ?", .integer(transfer.toUserID),
                .integer(transfer.serverID), .integer(transfer.fromUserID))
            guard moved == 1 else { throw StorageError.notFound }
            return id
        }
    }

    func verify(id: Int64, at date: Date) async throws -> ServerTransferRecord? {
        try await database.write { connection in
            let settled = try connection.run(
                "UPDATE server_transfers SET status = ?, acked_at = ?, updated_at = ? WHERE id = ? AND status = ?",
                .status(.verified), .date(date), .date(date), .integer(id), .status(.pending))
            return settled == 1 ? try Self.transfer(id: id, connection) : nil
        }
    }

    func revert(
        id: Int64, to status: ServerTransferRecord.Status, error: String, at date: Date
    ) async throws -> ServerTransferRecord? {
        try await database.write { connection in
            let settled = try connection.run(
                "UPDATE server_transfers SET status = ?, last_error = ?, updated_at = ? WHERE id = ? AND status = ?",
                .status(status), .text(error), .date(date), .integer(id), .status(.pending))
            guard settled == 1, let transfer = try Self.transfer(id: id, connection) else { return nil }
            let returned = try connection.run(
                "UPDATE servers SET user_id = ? WHERE id = ?", .integer(transfer.fromUserID),
                .integer(transfer.serverID))
            guard returned == 1 else { throw StorageError.notFound }
            return transfer
        }
    }

    func acknowledge(id: Int64, at date: Date) async throws -> Bool {
        try await database.write { connection in
            try connection.run(
                "UPDATE server_transfers SET acked_at = ? WHERE id = ? AND acked_at IS NULL AND status IN (2, 3, 4)",
                .date(date), .integer(id)) == 1
        }
    }

    func transfer(id: Int64) async throws -> ServerTransferRecord? {
        try await database.read { try Self.transfer(id: id, $0) }
    }

    func transfers(of userID: Int64?) async throws -> [ServerTransferRecord] {
        try await database.read { connection in
            guard let userID else { return try connection.all(ServerTransferRecord.self, "ORDER BY id DESC") }
            return try connection.all(
                ServerTransferRecord.self,
                "WHERE from_user_id = ? OR to_user_id = ? OR initiator_id = ? ORDER BY id DESC", .integer(userID),
                .integer(userID), .integer(userID))
        }
    }

    func effective(since date: Date) async throws -> [ServerTransferRecord] {
        try await database.read { connection in
            try connection.all(
                ServerTransferRecord.self,
                """
                WHERE status = 0 OR acked_at IS NOT NULL OR (status IN (2, 3, 4) AND updated_at >= ?) ORDER BY id
                """, .date(date))
        }
    }

    private static func transfer(id: Int64, _ connection: Connection) throws -> ServerTransferRecord? {
        try connection.first(ServerTransferRecord.self, "WHERE id = ?", .integer(id))
    }
}

extension SQLValue {
    fileprivate static func status(_ status: ServerTransferRecord.Status) -> SQLValue {
        .integer(Int64(status.rawValue))
    }
}
