public import struct Foundation.Date

/// A log-in (`rest.md` 2): the row that a JWT's `keyId` names.
public struct SessionRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    public var id: Int64
    /// 32 random characters; unique.
    public var keyID: String
    public var userID: Int64
    /// The client address the session is bound to; empty when it was not known.
    public var ip: String
    /// SHA-256 of the User-Agent, 64 hex; kept, never compared.
    public var userAgentHash: String
    /// The user's token version when the session began.
    public var tokenVersion: Int64
    public var expiresAt: Date
    public var createdAt: Date
    public var lastUsedAt: Date
    public var revokedAt: Date?

    public init(
        id: Int64 = 0, keyID: String, userID: Int64, ip: String, userAgentHash: String, tokenVersion: Int64,
        expiresAt: Date, createdAt: Date, lastUsedAt: Date, revokedAt: Date? = nil
    ) {
        self.id = id
        self.keyID = keyID
        self.userID = userID
        self.ip = ip
        self.userAgentHash = userAgentHash
        self.tokenVersion = tokenVersion
        self.expiresAt = expiresAt
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.revokedAt = revokedAt
    }
}
