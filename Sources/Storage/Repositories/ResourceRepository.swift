package import struct FoundationEssentials.Date

/// The rows of one form.
///
/// Changes of one form happen one after the other, and observers have seen each before the next begins and before
/// whoever asked for it goes on.
package protocol ResourceRepository<Content>: Sendable {
    associatedtype Content: Form

    /// - Throws: ``StorageError/duplicate(field:)``; ``StorageError/notFound`` when a listed member does not exist.
    func insert(_ form: Content, owner: Int64, at date: Date) async throws -> Owned<Content>
    /// As ``insert(_:owner:at:)``, unless the owner has `limit` rows already.
    /// - Returns: `nil` then.
    func insert(_ form: Content, owner: Int64, at date: Date, limit: Int) async throws -> Owned<Content>?
    /// Writes many rows in one transaction: a form with an id replaces what that row says, one without is a new row, each
    /// with its own time.
    /// - Returns: their ids, in the order of the forms.
    /// - Throws: as ``insert(_:owner:at:)``; ``StorageError/notFound`` when there is no such row. Nothing was changed then.
    func save(_ forms: [(id: Int64?, form: Content, at: Date)], owner: Int64) async throws -> [Int64]
    /// All, by id.
    func all() async throws -> [Owned<Content>]
    func find(id: Int64) async throws -> Owned<Content>?
    /// Reads, changes and writes in one transaction; id, owner and time of creation stay.
    /// - Parameter change: what it throws comes out as it is, and nothing was changed.
    /// - Throws: ``StorageError/notFound`` when there is no such row or a listed member does not exist.
    @discardableResult
    func update(
        id: Int64, _ change: @escaping @Sendable (inout Owned<Content>) throws -> Void
    ) async throws -> Owned<Content>
    /// Deletes in one transaction; unknown ids are ignored.
    /// - Parameter check: asked for each row before any is deleted; what it throws comes out as it is.
    /// - Returns: the ids of the deleted rows.
    @discardableResult
    func delete(
        ids: [Int64], _ check: @escaping @Sendable (Owned<Content>) throws -> Void
    ) async throws -> [Int64]

    /// Tells of every change from now on.
    func observe(_ observer: @escaping @Sendable (FormChange<Content>) async -> Void)
}

/// What became of rows.
package enum FormChange<Content: Form>: Sendable {
    case saved(Owned<Content>)
    case deleted([Int64])
}

/// Hands out the repositories of all forms; always the same one for a form.
package protocol ResourceStore: Sendable {
    func repository<Content: Form>(of form: Content.Type) -> any ResourceRepository<Content>
}
