import FoundationEssentials

/// Without its members, which are in `server_group_servers`, read and written apart.
extension ServerGroupRecord: StoredRow {
    static let table = Table(
        "server_groups",
        blank: ServerGroupRecord(
            userID: 0, name: "", servers: [], createdAt: .distantPast, updatedAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("user_id", &userID)
        try columns.column("name", &name)
        try columns.column("created_at", &createdAt)
        try columns.column("updated_at", &updatedAt)
    }
}

/// One server's membership of a group.
struct ServerGroupMember: StoredRow {
    static let table = Table("server_group_servers", blank: ServerGroupMember(groupID: 0, serverID: 0))

    var groupID: Int64
    var serverID: Int64

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.column("group_id", &groupID)
        try columns.column("server_id", &serverID)
    }
}
