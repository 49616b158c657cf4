public import struct Foundation.Date

/// The audit log (`mcp.md` 5.6).
public protocol AuditRepository: Sendable {
    /// One transaction for the whole batch.
    func append(_ rows: [AuditRecord]) async throws
    /// Newest first. `userID` `nil` = everybody's; `before` = rows with a smaller id.
    func rows(userID: Int64?, before: Int64?, limit: Int) async throws -> [AuditRecord]
    /// Deletes at most `limit` rows older than `date`.
    func purge(before date: Date, limit: Int) async throws -> Int
}
