package import struct FoundationEssentials.Date

/// A monitored machine (`rest.md` 4, Server). What the agent reports is not here; it lives in memory.
package struct ServerRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    package var id: Int64
    /// The owner; 0 for servers registered with the global secret.
    package var userID: Int64
    package var uuid: String
    package var name: String
    /// Private note.
    package var note: String
    package var publicNote: String
    /// Greater shows first.
    package var displayIndex: Int64
    package var hideForGuest: Bool
    package var enableDDNS: Bool
    package var ddnsProfiles: [Int64]
    /// Profile id → domains.
    package var overrideDDNSDomains: [Int64: [String]]
    package var createdAt: Date
    package var updatedAt: Date

    package init(
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
