struct SQLiteStrikeRepository: StrikeRepository {
    let database: SQLiteConnection

    private static let replacement = """
        \(StrikeRecord.table.insertion) ON CONFLICT (ip, identifier) DO UPDATE
        SET count = excluded.count, reason = excluded.reason, last_at = excluded.last_at
        """

    func strikes() async throws -> [StrikeRecord] {
        try await database.read { try $0.all(StrikeRecord.self, "ORDER BY ip, identifier") }
    }

    func put(_ strike: StrikeRecord) async throws {
        try await database.write { try $0.insert(contentsOf: [strike], with: Self.replacement) }
    }

    func delete(ip: String, identifier: Int64) async throws {
        try await database.write { connection in
            try connection.run(
                "DELETE FROM waf_strikes WHERE ip = ? AND identifier = ?", .text(ip), .integer(identifier))
        }
    }

    func delete(ips: [String]) async throws {
        try await database.write { connection in
            for ip in ips { try connection.run("DELETE FROM waf_strikes WHERE ip = ?", .text(ip)) }
        }
    }
}
