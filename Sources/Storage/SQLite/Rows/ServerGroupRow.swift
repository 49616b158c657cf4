import Foundation
import GRDB

/// Table `server_groups`; its members are in `server_group_servers`, read and written apart.
struct ServerGroupRow: FetchableRecord, PersistableRecord {
    static let databaseTableName = "server_groups"

    enum Columns {
        static let id = Column("id")
        static let userID = Column("user_id")
        static let name = Column("name")
        static let createdAt = Column("created_at")
        static let updatedAt = Column("updated_at")
    }

    /// Without members when just fetched.
    var record: ServerGroupRecord

    init(_ record: ServerGroupRecord) {
        self.record = record
    }

    init(row: Row) throws {
        record = ServerGroupRecord(
            id: try row.value(Columns.id),
            userID: try row.value(Columns.userID),
            name: try row.value(Columns.name),
            servers: [],
            createdAt: try row.date(Columns.createdAt),
            updatedAt: try row.date(Columns.updatedAt))
    }

    func encode(to container: inout PersistenceContainer) {
        container[Columns.id] = record.id == 0 ? nil : record.id
        container[Columns.userID] = record.userID
        container[Columns.name] = record.name.storable
        container[Columns.createdAt] = record.createdAt.storedMilliseconds
        container[Columns.updatedAt] = record.updatedAt.storedMilliseconds
    }
}

/// Table `server_group_servers`: one membership.
struct ServerGroupMemberRow: FetchableRecord, PersistableRecord {
    static let databaseTableName = "server_group_servers"

    enum Columns {
        static let groupID = Column("group_id")
        static let serverID = Column("server_id")
    }

    var groupID: Int64
    var serverID: Int64

    init(groupID: Int64, serverID: Int64) {
        self.groupID = groupID
        self.serverID = serverID
    }

    init(row: Row) throws {
        groupID = try row.value(Columns.groupID)
        serverID = try row.value(Columns.serverID)
    }

    func encode(to container: inout PersistenceContainer) {
        container[Columns.groupID] = groupID
        container[Columns.serverID] = serverID
    }
}
