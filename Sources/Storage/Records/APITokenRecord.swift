public import struct Foundation.Date

/// A Personal Access Token (`mcp.md` 8.1). Only a keyed hash of the secret is stored; ids are never used again.
public struct APITokenRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    public var id: Int64
    public var userID: Int64
    /// At most 128 characters.
    public var name: String
    /// Keyed hash of the whole plaintext, 64 lower-case hex digits; unique and never empty.
    public var tokenHash: String
    public var scopes: [String]
    /// Empty means no restriction beyond the owner's own.
    public var serverIDs: [Int64]
    /// `nil` means never.
    public var expiresAt: Date?
    public var lastUsedAt: Date?
    public var lastUsedIP: String
    public var createdAt: Date
    public var updatedAt: Date

    public init(
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
