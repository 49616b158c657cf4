public import struct Foundation.Date

/// A named set of servers (`rest.md` 4, ServerGroup).
public struct ServerGroupRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    public var id: Int64
    public var userID: Int64
    public var name: String
    /// Ids of the members, ascending.
    public var servers: [Int64]
    public var createdAt: Date
    public var updatedAt: Date

    public init(
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
