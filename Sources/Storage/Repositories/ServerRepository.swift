/// Servers and their groups (`rest.md` 4).
public protocol ServerRepository: Sendable {
    func insert(_ server: ServerRecord) async throws -> Int64
    /// Replaces every column but `id`, `uuid`, `userID` and `createdAt`; the owner changes only by ``setOwner(_:of:)``.
    func update(_ server: ServerRecord) async throws
    func setOwner(_ userID: Int64, of id: Int64) async throws
    func server(id: Int64) async throws -> ServerRecord?
    func server(uuid: String) async throws -> ServerRecord?
    /// All, by `displayIndex` descending, then id.
    func servers() async throws -> [ServerRecord]
    /// Deletes servers and their group memberships in one transaction; unknown ids are ignored.
    func delete(ids: [Int64]) async throws

    func insert(_ group: ServerGroupRecord) async throws -> Int64
    func update(_ group: ServerGroupRecord) async throws
    func group(id: Int64) async throws -> ServerGroupRecord?
    /// All, by id.
    func groups() async throws -> [ServerGroupRecord]
    func deleteGroups(ids: [Int64]) async throws
}
