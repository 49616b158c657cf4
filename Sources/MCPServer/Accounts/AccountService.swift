import Primitives
package import Secrets
package import Storage

package import struct FoundationEssentials.Date

/// Users and their secrets: made and changed here only, for tools, the command line and the first start.
///
/// Works on the storage alone, so that the command line can use it beside a running gateway.
package struct AccountService: Sendable {
    private let storage: Storage
    private let dataKey: SecretKey
    private let cost: PasswordHash.Cost
    private let now: @Sendable () -> Date

    /// - Parameter dataKey: keys the hashes of agent secrets and seals them.
    package init(
        storage: Storage, dataKey: SecretKey, cost: PasswordHash.Cost = .interactive,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.storage = storage
        self.dataKey = dataKey
        self.cost = cost
        self.now = now
    }

    /// How the first administrator gets a password.
    package enum FirstPassword: Sendable {
        /// A random one, to be shown once.
        case random
        /// From the environment (`NZ_ADMIN_PASSWORD`).
        case given(String)
        /// `admin`, as older dashboards made it; only where it was asked for by name.
        case historical
    }

    /// An administrator that was just made, and the password to show; `nil` where whoever started knows it.
    package struct FirstAdministrator: Sendable {
        package let user: UserRecord
        package let passwordToShow: String?
    }

    /// Makes user `admin` where there is no user yet.
    /// - Returns: `nil` when there are users already.
    /// - Throws: ``AccountError``, `StorageError`.
    package func createFirstAdministrator(_ choice: FirstPassword) async throws -> FirstAdministrator? {
        guard try await storage.users.count() == 0 else { return nil }
        switch choice {
        case .random:
            let password = SecureRandom.alphanumeric(20)
            let user = try await insert(username: "admin", password: password, role: .administrator)
            return FirstAdministrator(user: user, passwordToShow: password)
        case .given(let password):
            let user = try await createUser(username: "admin", password: password, role: .administrator)
            return FirstAdministrator(user: user, passwordToShow: nil)
        case .historical:
            // Too short for the rule that every other password obeys.
            let user = try await insert(username: "admin", password: "admin", role: .administrator)
            return FirstAdministrator(user: user, passwordToShow: nil)
        }
    }

    /// - Throws: ``AccountError`` for a name or password that is not good, or a name that is taken.
    package func createUser(
        username: String, password: String, role: UserRecord.Role
    ) async throws -> UserRecord {
        try Self.check(username: username)
        try Self.check(password: password)
        return try await insert(username: username, password: password, role: role)
    }

    /// Gives a user another password, with which they may log in also where that was refused before; all sessions made
    /// before are void.
    /// - Throws: ``AccountError``.
    package func setPassword(_ password: String, ofUserNamed username: String) async throws {
        try Self.check(password: password)
        guard let user = try await storage.users.user(named: username) else { throw AccountError.unknownUser }
        try await replace(of: user.id, password: password, username: nil, rejectPassword: false)
    }

    /// Replaces name, password and flag together; all sessions made before are void (`rest-details.md` 2).
    /// - Throws: ``AccountError``.
    package func updateProfile(
        of userID: Int64, username: String, password: String, rejectPassword: Bool
    ) async throws {
        try Self.check(username: username)
        try Self.check(password: password)
        try await replace(of: userID, password: password, username: username, rejectPassword: rejectPassword)
    }

    /// The secret that the user's agents log in with; empty for users of a dashboard that had none, who were imported.
    /// - Throws: `SecretsError` when it was sealed with another key.
    package func agentSecret(of user: UserRecord) throws -> String {
        if user.agentSecretSealed.isEmpty { return "" }
        return String(decoding: try dataKey.open(user.agentSecretSealed), as: UTF8.self)
    }

    /// The keyed hash under which an agent secret is stored.
    package func agentSecretHash(_ secret: String) -> String { dataKey.keyedHash(secret) }

    /// Not empty, at most 255 bytes, no control characters.
    package static func check(username: String) throws(AccountError) {
        guard !username.trimmingWhitespace().isEmpty else { throw .usernameRequired }
        guard username.utf8.count <= 255 else { throw .usernameTooLong }
        let visible = username.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard visible else { throw .usernameNotPrintable }
    }

    /// 6 to 72 bytes (`rest-details.md` 2 and 5).
    package static func check(password: String) throws(AccountError) {
        guard password.utf8.count >= 6 else { throw .passwordTooShort }
        guard password.utf8.count <= 72 else { throw .passwordTooLong }
    }

    private func insert(username: String, password: String, role: UserRecord.Role) async throws -> UserRecord {
        let secret = SecureRandom.alphanumeric(32)
        let date = now()
        var user = UserRecord(
            username: username, passwordHash: try await PasswordHash.makeDetached(password, cost: cost), role: role,
            agentSecretHash: agentSecretHash(secret), agentSecretSealed: dataKey.seal(Array(secret.utf8)),
            createdAt: date, updatedAt: date)
        do {
            user.id = try await storage.users.insert(user)
        } catch StorageError.duplicate(field: "username") {
            throw AccountError.usernameTaken
        }
        return user
    }

    private func replace(of id: Int64, password: String, username: String?, rejectPassword: Bool) async throws {
        let hash = try await PasswordHash.makeDetached(password, cost: cost)
        do {
            try await storage.users.setPassword(hash, rejectPassword: rejectPassword, username: username, for: id)
        } catch StorageError.duplicate(field: "username") {
            throw AccountError.usernameTaken
        } catch StorageError.notFound {
            throw AccountError.unknownUser
        }
    }
}

/// Why an account was not made or changed; the texts are for the user.
package enum AccountError: String, Error, Sendable, CustomStringConvertible {
    case usernameRequired = "username can't be empty"
    case usernameTooLong = "username too long (max 255 bytes)"
    case usernameNotPrintable = "username must not hold control characters"
    case usernameTaken = "username already exists"
    /// The words are the reference's, which meant six or more as well.
    case passwordTooShort = "password length must be greater than 6"
    case passwordTooLong = "password too long (max 72 bytes)"
    case unknownUser = "user not found"

    package var description: String { rawValue }

    var words: Message { Message(stringLiteral: rawValue) }
}
