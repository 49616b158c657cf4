import Foundation
import GRDB

/// Table `api_tokens`. Scopes and server ids are comma-separated (`mcp.md` 8.1).
struct APITokenRow: FetchableRecord, PersistableRecord {
    static let databaseTableName = "api_tokens"

    enum Columns {
        static let id = Column("id")
        static let userID = Column("user_id")
        static let name = Column("name")
        static let tokenHash = Column("token_hash")
        static let scopes = Column("scopes_csv")
        static let servers = Column("servers_csv")
        static let expiresAt = Column("expires_at")
        static let lastUsedAt = Column("last_used_at")
        static let lastUsedIP = Column("last_used_ip")
        static let createdAt = Column("created_at")
        static let updatedAt = Column("updated_at")
    }

    var record: APITokenRecord

    init(_ record: APITokenRecord) {
        self.record = record
    }

    init(row: Row) throws {
        record = APITokenRecord(
            id: try row.value(Columns.id),
            userID: try row.value(Columns.userID),
            name: try row.value(Columns.name),
            tokenHash: try row.value(Columns.tokenHash),
            scopes: ColumnList.scopes(csv: try row.value(Columns.scopes)),
            serverIDs: ColumnList.serverIDs(csv: try row.value(Columns.servers)),
            expiresAt: try row.optionalDate(Columns.expiresAt),
            lastUsedAt: try row.optionalDate(Columns.lastUsedAt),
            lastUsedIP: try row.value(Columns.lastUsedIP),
            createdAt: try row.date(Columns.createdAt),
            updatedAt: try row.date(Columns.updatedAt))
    }

    func encode(to container: inout PersistenceContainer) throws {
        container[Columns.id] = record.id == 0 ? nil : record.id
        container[Columns.userID] = record.userID
        container[Columns.name] = record.name.storable
        container[Columns.tokenHash] = record.tokenHash.storable
        container[Columns.scopes] = try ColumnList.csv(scopes: record.scopes)
        container[Columns.servers] = ColumnList.csv(serverIDs: record.serverIDs)
        container[Columns.expiresAt] = record.expiresAt?.storedMilliseconds
        container[Columns.lastUsedAt] = record.lastUsedAt?.storedMilliseconds
        container[Columns.lastUsedIP] = record.lastUsedIP.storable
        container[Columns.createdAt] = record.createdAt.storedMilliseconds
        container[Columns.updatedAt] = record.updatedAt.storedMilliseconds
    }
}
