public import struct Foundation.Date

/// A monitored machine (`rest.md` 4, Server). What the agent reports is not here; it lives in memory.
public struct ServerRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    public var id: Int64
    /// The owner; 0 for servers registered with the global secret.
    public var userID: Int64
    public var uuid: String
    public var name: String
    /// Private note.
    public var note: String
    public var publicNote: String
    /// Greater shows first.
    public var displayIndex: Int64
    public var hideForGuest: Bool
    public var enableDDNS: Bool
    public var ddnsProfiles: [Int64]
    /// Profile id → domains.
    public var overrideDDNSDomains: [Int64: [String]]
    public var createdAt: Date
    public var updatedAt: Date

    public init(
        id: Int64 = 0, userID: Int64, uuid: String, name: String, note: String = "", publicNote: String = "",
        displayIndex: Int64 = 0, hideForGuest: Bool = false, enableDDNS: Bool = false, ddnsProfiles: [Int64] = [],
        overrideDDNSDomains: [Int64: [String]] = [:], createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.userID = userID
        self.uuid = uuid
        self.name = name
        self.note = note
        self.publicNote = publicNote
        self.displayIndex = displayIndex
        self.hideForGuest = hideForGuest
        self.enableDDNS = enableDDNS
        self.ddnsProfiles = ddnsProfiles
        self.overrideDDNSDomains = overrideDDNSDomains
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
