package import struct FoundationEssentials.Date

/// A log-in (`rest.md` 2): the row that a JWT's `keyId` names.
package struct SessionRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    package var id: Int64
    /// 32 random characters; unique.
    package var keyID: String
    package var userID: Int64
    /// The client address the session is bound to; empty when it was not known.
    package var ip: String
    /// SHA-256 of the User-Agent, 64 hex; kept, never compared.
    package var userAgentHash: String
    /// The user's token version when the session began.
    package var tokenVersion: Int64
    package var expiresAt: Date
    package var createdAt: Date
    package var lastUsedAt: Date
    package var revokedAt: Date?

    package init(
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
