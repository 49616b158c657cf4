import FoundationEssentials

struct SQLiteAuditRepository: AuditRepository {
    let database: SQLiteConnection

    func append(_ rows: [AuditRecord]) async throws {
        if rows.isEmpty { return }
        try await database.write { try $0.insert(contentsOf: rows) }
    }

    func rows(_ selection: AuditSelection, limit: Int) async throws -> [AuditRecord] {
        // SQLite reads a negative limit as none.
        guard limit > 0 else { return [] }
        let (condition, values) = Self.condition(selection)
        return try await database.read { connection in
            try connection.all(
                AuditRecord.self, "\(condition) ORDER BY id DESC LIMIT ?", values + [.integer(limit)])
        }
    }

    /// `WHERE`, if the selection restricts at all, and its values.
    private static func condition(_ selection: AuditSelection) -> (String, [SQLValue]) {
        var terms: [String] = []
        var values: [SQLValue] = []
        func add(_ term: String, _ value: SQLValue?) {
            guard let value else { return }
            terms.append(term)
            values.append(value)
        }
        add("user_id = ?", selection.userID.map { .integer($0) })
        add("token_id = ?", selection.tokenID.map { .integer($0) })
        add("id < ?", selection.before.map { .integer($0) })
        add("tool = ?", selection.tool.map { .text($0) })
        // One value however many servers: one statement for all.
        add("server_id IN (SELECT value FROM json_each(?))", selection.serverIDs.map { .numbers($0 + [0]) })
        return (terms.isEmpty ? "" : "WHERE \(terms.joined(separator: " AND "))", values)
    }

    func purge(before date: Date, limit: Int) async throws -> Int {
        guard limit > 0 else { return 0 }
        return try await database.write { connection in
            try connection.run(
                """
                DELETE FROM mcp_audit_logs WHERE id IN (
                    SELECT id FROM mcp_audit_logs WHERE created_at < ? ORDER BY created_at, id LIMIT ?)
                """, .date(date), .integer(limit))
        }
    }

    func purge(allBut newest: Int, limit: Int) async throws -> Int {
        guard limit > 0 else { return 0 }
        // By id, which grows by one with each row: counting millions of rows would take seconds.
        return try await database.write { connection in
            try connection.run(
                """
                DELETE FROM mcp_audit_logs WHERE id IN (
                    SELECT id FROM mcp_audit_logs
                    WHERE id <= (SELECT max(id) FROM mcp_audit_logs) - ? ORDER BY id LIMIT ?)
                """, .integer(max(0, newest)), .integer(limit))
        }
    }
}
