package import struct FoundationEssentials.Date

/// One hand-over of a server from an owner to another (`transfer.md`); rows are kept for good, as a history.
package struct ServerTransferRecord: Sendable, Hashable, Identifiable {
    /// The numbers of the contract; every one but `pending` is final.
    package enum Status: Int, Sendable, CaseIterable {
        case pending = 0
        case verified = 1
        case failed = 2
        case timeout = 3
        case cancelled = 4
    }

    /// 0 until inserted.
    package var id: Int64
    package var serverID: Int64
    /// The owner before; it gets the server back when the hand-over comes to nothing.
    package var fromUserID: Int64
    package var toUserID: Int64
    package var initiatorID: Int64
    package var status: Status
    /// Empty without an error.
    package var lastError: String
    /// Of a verified row: when the agent came with the new secret. Of another final one: when it came with the secret of
    /// the way back; `nil` = not yet.
    package var ackedAt: Date?
    /// The secret that the agent gets and proves the hand-over with.
    package var forward: Secret
    /// The secret that it gets instead when the hand-over is undone.
    package var revert: Secret
    package var createdAt: Date
    package var updatedAt: Date

    /// A secret that must be sent again: sealed, and its keyed hash to find it by.
    package struct Secret: Sendable, Hashable {
        package var hash: String
        package var sealed: [UInt8]

        package init(hash: String, sealed: [UInt8]) {
            self.hash = hash
            self.sealed = sealed
        }
    }

    package init(
        id: Int64 = 0, serverID: Int64, fromUserID: Int64, toUserID: Int64, initiatorID: Int64,
        status: Status = .pending, lastError: String = "", ackedAt: Date? = nil, forward: Secret, revert: Secret,
        createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.serverID = serverID
        self.fromUserID = fromUserID
        self.toUserID = toUserID
        self.initiatorID = initiatorID
        self.status = status
        self.lastError = lastError
        self.ackedAt = ackedAt
        self.forward = forward
        self.revert = revert
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
