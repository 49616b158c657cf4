package import struct FoundationEssentials.Date

/// Hand-overs of servers between owners (`transfer.md` 3 and 6). Every change of a status compares and sets: it happens
/// only while the row is pending, so that of two that settle a transfer one wins. A server or a user that is deleted
/// cancels what is pending of theirs within the same transaction; the database sees to that itself.
package protocol ServerTransferRepository: Sendable {
    /// Inserts a pending row and gives the server to its new owner, in one transaction.
    /// - Returns: the row's id.
    /// - Throws: ``StorageError/duplicate(field:)`` when a transfer of this server is pending, ``StorageError/notFound``
    ///   when the server is not (any more) its `fromUserID`'s, or the new owner does not exist.
    func start(_ transfer: ServerTransferRecord) async throws -> Int64
    /// - Returns: the row as it is now; `nil` when it was not pending, and nothing changed then.
    func verify(id: Int64, at date: Date) async throws -> ServerTransferRecord?
    /// Settles a pending row and gives the server back, in one transaction.
    /// - Returns: the row as it is now; `nil` when it was not pending, and nothing changed then.
    /// - Throws: ``StorageError/notFound`` when the server does not exist any more.
    func revert(
        id: Int64, to status: ServerTransferRecord.Status, error: String, at date: Date
    ) async throws -> ServerTransferRecord?
    /// Notes that the agent came with the secret of the way back. Once only; `updatedAt` stays.
    /// - Returns: whether the row had not been acknowledged before.
    func acknowledge(id: Int64, at date: Date) async throws -> Bool
    func transfer(id: Int64) async throws -> ServerTransferRecord?
    /// All, or those with this user on either side or as initiator; by id descending.
    func transfers(of userID: Int64?) async throws -> [ServerTransferRecord]
    /// What counts while running: pending rows; those settled otherwise than verified since `date` whose way back is not
    /// acknowledged; and of each server those that gave a lasting credential (verified, or acknowledged). By id.
    func effective(since date: Date) async throws -> [ServerTransferRecord]
}
