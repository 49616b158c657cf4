package import struct FoundationEssentials.Date

/// A Personal Access Token (`mcp.md` 8.1). Only a keyed hash of the secret is stored; ids are never used again.
package struct APITokenRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    package var id: Int64
    package var userID: Int64
    /// At most 128 characters.
    package var name: String
    /// Keyed hash of the whole plaintext, 64 lower-case hex digits; unique and never empty.
    package var tokenHash: String
    package var scopes: [String]
    /// Empty means no restriction beyond the owner's own.
    package var serverIDs: [Int64]
    /// `nil` means never.
    package var expiresAt: Date?
    package var lastUsedAt: Date?
    package var lastUsedIP: String
    package var createdAt: Date
    package var updatedAt: Date

    package init(
        id: Int64 = 0, userID: Int64, name: String, tokenHash: String, scopes: [String], serverIDs: [Int64] = [],
        expiresAt: Date? = nil, lastUsedAt: Date? = nil, lastUsedIP: String = "", createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.userID = userID
        self.name = name
        self.tokenHash = tokenHash
        self.scopes = scopes
        self.serverIDs = serverIDs
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
        self.lastUsedIP = lastUsedIP
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
