package import struct FoundationEssentials.Date

/// Log-ins (`rest.md` 2).
package protocol SessionRepository: Sendable {
    /// - Throws: ``StorageError/notFound`` when the user does not exist.
    func insert(_ session: SessionRecord) async throws -> Int64
    func session(keyID: String) async throws -> SessionRecord?
    /// - Throws: ``StorageError/notFound`` for a session that is gone or revoked.
    func extend(keyID: String, until: Date, usedAt: Date) async throws
    func touch(keyID: String, usedAt: Date) async throws
    /// Keeps the time of the first revocation; an unknown session is ignored.
    func revoke(keyID: String, at: Date) async throws
    /// Deletes rows that expired more than an hour, or were revoked more than a day, before `now`.
    func purge(now: Date) async throws -> Int
}
