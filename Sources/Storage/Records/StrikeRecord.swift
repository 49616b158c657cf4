public import struct Foundation.Date

/// Failed attempts of one address against one identity (`engines.md` 9).
public struct StrikeRecord: Sendable, Hashable {
    public enum Reason: Int, Sendable {
        case loginFailed = 1
        case tokenBruteForce = 2
        case agentAuthentication = 3
        case manual = 4
        case oauth2BruteForce = 5
    }

    /// Canonical text of the address.
    public var ip: String
    /// A user id, or −127 agent link, −126 token, −125 unknown user, −124 manual.
    public var identifier: Int64
    public var count: Int64
    public var reason: Reason
    public var lastAt: Date

    public init(ip: String, identifier: Int64, count: Int64, reason: Reason, lastAt: Date) {
        self.ip = ip
        self.identifier = identifier
        self.count = count
        self.reason = reason
        self.lastAt = lastAt
    }
}
