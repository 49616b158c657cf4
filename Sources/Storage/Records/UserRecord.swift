package import struct FoundationEssentials.Date

/// A person who owns servers and tokens (`rest.md` 4, User).
package struct UserRecord: Sendable, Hashable, Identifiable {
    package enum Role: Int, Sendable, Codable {
        case administrator = 0
        case member = 1
    }

    /// 0 until inserted.
    package var id: Int64
    package var username: String
    /// Argon2id in the PHC string form; never leaves the identity tools.
    package var passwordHash: String
    package var role: Role
    /// Keyed hash (64 hex) of the agent secret, for the look-up when an agent connects.
    package var agentSecretHash: String
    /// The agent secret, sealed; the owner may see it in their profile.
    package var agentSecretSealed: [UInt8]
    /// Log-in by password is refused.
    package var rejectPassword: Bool
    /// Raised by each change of the password; sessions made before are void (`rest.md` 2).
    package var tokenVersion: Int64
    package var createdAt: Date
    package var updatedAt: Date

    package init(
        id: Int64 = 0, username: String, passwordHash: String, role: Role, agentSecretHash: String,
        agentSecretSealed: [UInt8], rejectPassword: Bool = false, tokenVersion: Int64 = 0, createdAt: Date,
        updatedAt: Date
    ) {
        self.id = id
        self.username = username
        self.passwordHash = passwordHash
        self.role = role
        self.agentSecretHash = agentSecretHash
        self.agentSecretSealed = agentSecretSealed
        self.rejectPassword = rejectPassword
        self.tokenVersion = tokenVersion
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    package var isAdministrator: Bool { role == .administrator }
}
