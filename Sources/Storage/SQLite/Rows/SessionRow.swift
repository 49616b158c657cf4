import Foundation
import GRDB

/// Table `sessions`.
struct SessionRow: FetchableRecord, PersistableRecord {
    static let databaseTableName = "sessions"

    enum Columns {
        static let id = Column("id")
        static let keyID = Column("key_id")
        static let userID = Column("user_id")
        static let ip = Column("ip")
        static let userAgentHash = Column("user_agent_hash")
        static let tokenVersion = Column("token_version")
        static let expiresAt = Column("expires_at")
        static let createdAt = Column("created_at")
        static let lastUsedAt = Column("last_used_at")
        static let revokedAt = Column("revoked_at")
    }

    var record: SessionRecord

    init(_ record: SessionRecord) {
        self.record = record
    }

    init(row: Row) throws {
        record = SessionRecord(
            id: try row.value(Columns.id),
            keyID: try row.value(Columns.keyID),
            userID: try row.value(Columns.userID),
            ip: try row.value(Columns.ip),
            userAgentHash: try row.value(Columns.userAgentHash),
            tokenVersion: try row.value(Columns.tokenVersion),
            expiresAt: try row.date(Columns.expiresAt),
            createdAt: try row.date(Columns.createdAt),
            lastUsedAt: try row.date(Columns.lastUsedAt),
            revokedAt: try row.optionalDate(Columns.revokedAt))
    }

    func encode(to container: inout PersistenceContainer) {
        container[Columns.id] = record.id == 0 ? nil : record.id
        container[Columns.keyID] = record.keyID.storable
        container[Columns.userID] = record.userID
        container[Columns.ip] = record.ip.storable
        container[Columns.userAgentHash] = record.userAgentHash.storable
        container[Columns.tokenVersion] = record.tokenVersion
        container[Columns.expiresAt] = record.expiresAt.storedMilliseconds
        container[Columns.createdAt] = record.createdAt.storedMilliseconds
        container[Columns.lastUsedAt] = record.lastUsedAt.storedMilliseconds
        container[Columns.revokedAt] = record.revokedAt?.storedMilliseconds
    }
}
