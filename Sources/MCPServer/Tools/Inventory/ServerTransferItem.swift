import Storage

/// A hand-over as answers show it (`transfer.md` 2). Secrets are no part of it.
struct ServerTransferItem: Encodable, Sendable {
    var id: Int64
    var createdAt: Timestamp
    var updatedAt: Timestamp
    var serverID: Int64
    var fromUserID: Int64
    var toUserID: Int64
    var initiatorID: Int64
    var status: Int
    var lastError: String?
    var ackedAt: Timestamp?

    private enum CodingKeys: String, CodingKey {
        case id
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case serverID = "server_id"
        case fromUserID = "from_user_id"
        case toUserID = "to_user_id"
        case initiatorID = "initiator_id"
        case status
        case lastError = "last_error"
        case ackedAt = "acked_at"
    }

    init(_ row: ServerTransferRecord) {
        id = row.id
        createdAt = Timestamp(row.createdAt)
        updatedAt = Timestamp(row.updatedAt)
        serverID = row.serverID
        fromUserID = row.fromUserID
        toUserID = row.toUserID
        initiatorID = row.initiatorID
        status = row.status.rawValue
        lastError = row.lastError.nonEmpty
        ackedAt = Timestamp(row.ackedAt)
    }
}

extension ServerTransferRecord {
    /// Whether this caller is told of the hand-over: the token's list first, which narrows administrators too, then
    /// whoever has to do with it.
    func isShown(to principal: Principal) -> Bool {
        principal.lists(server: serverID)
            && [fromUserID, toUserID, initiatorID].contains { principal.owns(resourceOf: $0) }
    }
}
