/// Servers and their groups (`rest.md` 4).
package protocol ServerRepository: Sendable {
    /// - Throws: ``StorageError/duplicate(field:)`` for a known `uuid`, ``StorageError/notFound`` for an owner who does
    ///   not exist (0 is allowed).
    func insert(_ server: ServerRecord) async throws -> Int64
    /// Replaces every column but `id`, `uuid`, `userID` and `createdAt`; the owner changes only by ``setOwner(_:of:)``.
    func update(_ server: ServerRecord) async throws
    /// - Throws: ``StorageError/notFound`` when the server or the new owner does not exist (0 is allowed).
    func setOwner(_ userID: Int64, of id: Int64) async throws
    func server(id: Int64) async throws -> ServerRecord?
    func server(uuid: String) async throws -> ServerRecord?
    /// All, by `displayIndex` descending, then id.
    func servers() async throws -> [ServerRecord]
    /// Deletes servers and their group memberships in one transaction; unknown ids are ignored.
    func delete(ids: [Int64]) async throws

    /// - Throws: ``StorageError/notFound`` when a member does not exist.
    func insert(_ group: ServerGroupRecord) async throws -> Int64
    /// Replaces the name and the members; the owner stays.
    /// - Throws: ``StorageError/notFound`` when the group or a member does not exist.
    func update(_ group: ServerGroupRecord) async throws
    func group(id: Int64) async throws -> ServerGroupRecord?
    /// All, by id.
    func groups() async throws -> [ServerGroupRecord]
    /// Unknown ids are ignored.
    func deleteGroups(ids: [Int64]) async throws
}
