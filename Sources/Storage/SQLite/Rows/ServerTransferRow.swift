import FoundationEssentials

extension ServerTransferRecord: StoredRow {
    static let table = Table(
        "server_transfers",
        blank: ServerTransferRecord(
            serverID: 0, fromUserID: 0, toUserID: 0, initiatorID: 0, forward: Secret(hash: "", sealed: []),
            revert: Secret(hash: "", sealed: []), createdAt: .distantPast, updatedAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("server_id", &serverID)
        try columns.column("from_user_id", &fromUserID)
        try columns.column("to_user_id", &toUserID)
        try columns.column("initiator_id", &initiatorID)
        try columns.column("status", &status, as: Choice<Status>.self)
        try columns.column("last_error", &lastError)
        try columns.column("acked_at", &ackedAt)
        try columns.column("forward_hash", &forward.hash)
        try columns.column("forward_sealed", &forward.sealed)
        try columns.column("revert_hash", &revert.hash)
        try columns.column("revert_sealed", &revert.sealed)
        try columns.column("created_at", &createdAt)
        try columns.column("updated_at", &updatedAt)
    }
}
