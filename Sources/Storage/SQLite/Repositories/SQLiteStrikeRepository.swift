import Foundation
import GRDB

struct SQLiteStrikeRepository: StrikeRepository {
    let connection: SQLiteConnection

    private typealias Columns = StrikeRow.Columns

    func strikes() async throws -> [StrikeRecord] {
        try await connection.read { db in
            try StrikeRow.order(Columns.ip, Columns.identifier).fetchAll(db).map(\.record)
        }
    }

    func put(_ strike: StrikeRecord) async throws {
        try await connection.write { db in
            try db.execute(
                sql: """
                    INSERT INTO waf_strikes (ip, identifier, count, reason, last_at) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (ip, identifier) DO UPDATE
                    SET count = excluded.count, reason = excluded.reason, last_at = excluded.last_at
                    """,
                arguments: [
                    strike.ip.storable, strike.identifier, strike.count, strike.reason.rawValue,
                    strike.lastAt.storedMilliseconds,
                ])
        }
    }

    func delete(ip: String, identifier: Int64) async throws {
        try await connection.write { db in
            _ = try StrikeRow.filter { _ in Columns.ip == ip.storable && Columns.identifier == identifier }.deleteAll(
                db)
        }
    }

    func delete(ips: [String]) async throws {
        try await connection.write { db in
            for ip in ips { try StrikeRow.filter { _ in Columns.ip == ip.storable }.deleteAll(db) }
        }
    }
}
