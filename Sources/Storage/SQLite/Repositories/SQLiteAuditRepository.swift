import Foundation
import GRDB

struct SQLiteAuditRepository: AuditRepository {
    let connection: SQLiteConnection

    private typealias Columns = AuditRow.Columns

    func append(_ rows: [AuditRecord]) async throws {
        if rows.isEmpty { return }
        try await connection.write { db in
            let statement = try db.cachedStatement(sql: AuditRow.insertion)
            for record in rows {
                // As many as the statement has, by its own text; checking that each time costs as much as the row.
                statement.setUncheckedArguments(AuditRow.insertionArguments(record))
                try statement.execute()
            }
        }
    }

    func rows(_ selection: AuditSelection, limit: Int) async throws -> [AuditRecord] {
        // SQLite reads a negative limit as none.
        guard limit > 0 else { return [] }
        return try await connection.read { db in
            var request = AuditRow.order(Columns.id.desc).limit(limit)
            if let userID = selection.userID { request = request.filter { _ in Columns.userID == userID } }
            if let tokenID = selection.tokenID { request = request.filter { _ in Columns.tokenID == tokenID } }
            if let before = selection.before { request = request.filter { _ in Columns.id < before } }
            if let tool = selection.tool { request = request.filter { _ in Columns.tool == tool.storable } }
            if let servers = selection.serverIDs {
                request = request.filter { _ in (servers + [0]).contains(Columns.serverID) }
            }
            return try request.fetchAll(db).map(\.record)
        }
    }

    func purge(before date: Date, limit: Int) async throws -> Int {
        guard limit > 0 else { return 0 }
        return try await connection.write { db in
            try db.execute(
                sql: """
                    DELETE FROM mcp_audit_logs WHERE id IN (
                        SELECT id FROM mcp_audit_logs WHERE created_at < ? ORDER BY created_at, id LIMIT ?)
                    """,
                arguments: [date.storedMilliseconds, limit])
            return db.changesCount
        }
    }
}
