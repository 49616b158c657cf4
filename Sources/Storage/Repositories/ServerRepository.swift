/// Servers (`rest.md` 4).
package protocol ServerRepository: Sendable {
    /// - Throws: ``StorageError/duplicate(field:)`` for a known `uuid`, ``StorageError/notFound`` for an owner who does
    ///   not exist (0 is allowed).
    func insert(_ server: ServerRecord) async throws -> Int64
    /// Replaces every column but `id`, `uuid`, `userID` and `createdAt`; the owner changes only by transfers
    /// (``ServerTransferRepository``).
    func update(_ server: ServerRecord) async throws
    func server(uuid: String) async throws -> ServerRecord?
    /// All, by `displayIndex` descending, then id.
    func servers() async throws -> [ServerRecord]
    /// Deletes servers and their group memberships in one transaction; unknown ids are ignored.
    func delete(ids: [Int64]) async throws
}
