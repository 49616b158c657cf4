package import struct FoundationEssentials.Date

/// A named set of servers (`rest.md` 4, ServerGroup).
package struct ServerGroupRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    package var id: Int64
    package var userID: Int64
    package var name: String
    /// Ids of the members, ascending.
    package var servers: [Int64]
    package var createdAt: Date
    package var updatedAt: Date

    package init(
        id: Int64 = 0, userID: Int64, name: String, servers: [Int64], createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.userID = userID
        self.name = name
        self.servers = servers
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
