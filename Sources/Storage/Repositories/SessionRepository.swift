public import struct Foundation.Date

/// Log-ins (`rest.md` 2).
public protocol SessionRepository: Sendable {
    func insert(_ session: SessionRecord) async throws -> Int64
    func session(keyID: String) async throws -> SessionRecord?
    func extend(keyID: String, until: Date, usedAt: Date) async throws
    func touch(keyID: String, usedAt: Date) async throws
    func revoke(keyID: String, at: Date) async throws
    /// Deletes rows that expired more than an hour, or were revoked more than a day, before `now`.
    func purge(now: Date) async throws -> Int
}
