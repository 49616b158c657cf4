/// Users (`rest.md` 2 and 4).
package protocol UserRepository: Sendable {
    /// - Returns: the new id.
    /// - Throws: ``StorageError/duplicate(field:)`` for a taken `username`.
    func insert(_ user: UserRecord) async throws -> Int64
    /// Replaces every column but `id` and `createdAt`; the token version never goes down.
    func update(_ user: UserRecord) async throws
    func user(id: Int64) async throws -> UserRecord?
    func user(named username: String) async throws -> UserRecord?
    /// `nil` for an empty hash.
    func user(agentSecretHash: String) async throws -> UserRecord?
    /// All, by id.
    func users() async throws -> [UserRecord]
    func count() async throws -> Int
    /// Sets password hash and flags, raises the token version and revokes all sessions, in one transaction.
    func setPassword(_ hash: String, rejectPassword: Bool?, username: String?, for id: Int64) async throws
    /// Deletes the user with his servers and tokens and sessions, in one transaction. What else he owns stays.
    /// - Returns: the ids of the deleted servers and tokens; none for an unknown id.
    func delete(id: Int64) async throws -> (servers: [Int64], tokens: [Int64])
}
