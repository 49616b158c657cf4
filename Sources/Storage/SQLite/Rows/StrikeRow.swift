import Foundation
import GRDB

/// Table `waf_strikes`; its key is (ip, identifier). Written by an upsert, which GRDB's records do
/// not know for tables without a row id.
struct StrikeRow: FetchableRecord, TableRecord {
    static let databaseTableName = "waf_strikes"

    enum Columns {
        static let ip = Column("ip")
        static let identifier = Column("identifier")
        static let count = Column("count")
        static let reason = Column("reason")
        static let lastAt = Column("last_at")
    }

    var record: StrikeRecord

    init(row: Row) throws {
        record = StrikeRecord(
            ip: try row.value(Columns.ip),
            identifier: try row.value(Columns.identifier),
            count: try row.value(Columns.count),
            reason: try row.choice(Columns.reason),
            lastAt: try row.date(Columns.lastAt))
    }
}
