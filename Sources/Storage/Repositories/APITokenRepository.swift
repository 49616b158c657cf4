package import struct FoundationEssentials.Date

/// Personal Access Tokens (`mcp.md` 8).
package protocol APITokenRepository: Sendable {
    /// Inserts it unless the owner has `limit` tokens already.
    /// - Returns: `nil` when they have.
    /// - Throws: ``StorageError/duplicate(field:)`` for a known hash; an empty hash is refused;
    ///   ``StorageError/notFound`` when the owner does not exist.
    func insert(_ token: APITokenRecord, limit: Int) async throws -> Int64?
    func token(id: Int64) async throws -> APITokenRecord?
    func token(hash: String) async throws -> APITokenRecord?
    /// By id, descending; `nil` for everybody's.
    func tokens(of userID: Int64?) async throws -> [APITokenRecord]
    /// - Returns: whether the row existed.
    func delete(id: Int64) async throws -> Bool
    /// Deletes tokens that expired before `date`.
    func deleteExpired(before date: Date) async throws -> Int
    /// Notes the use, which is no change of the token; an unknown id is ignored.
    func touch(id: Int64, usedAt: Date, ip: String) async throws
    /// - Throws: ``StorageError/notFound``.
    func rename(_ id: Int64, to name: String) async throws
    func replaceScopes(_ scopes: [String], of id: Int64) async throws
}
