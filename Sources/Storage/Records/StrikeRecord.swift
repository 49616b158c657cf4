package import struct FoundationEssentials.Date

/// Failed attempts of one address against one identity (`engines.md` 9).
package struct StrikeRecord: Sendable, Hashable {
    package enum Reason: Int, Sendable {
        case loginFailed = 1
        case tokenBruteForce = 2
        case agentAuthentication = 3
        case manual = 4
        case oauth2BruteForce = 5
    }

    /// Canonical text of the address.
    package var ip: String
    /// A user id, or −127 agent link, −126 token, −125 unknown user, −124 manual.
    package var identifier: Int64
    package var count: Int64
    package var reason: Reason
    package var lastAt: Date

    package init(ip: String, identifier: Int64, count: Int64, reason: Reason, lastAt: Date) {
        self.ip = ip
        self.identifier = identifier
        self.count = count
        self.reason = reason
        self.lastAt = lastAt
    }
}
