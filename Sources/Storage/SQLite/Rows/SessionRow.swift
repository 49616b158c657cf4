import FoundationEssentials

extension SessionRecord: StoredRow {
    static let table = Table(
        "sessions",
        blank: SessionRecord(
            keyID: "", userID: 0, ip: "", userAgentHash: "", tokenVersion: 0, expiresAt: .distantPast,
            createdAt: .distantPast, lastUsedAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("key_id", &keyID)
        try columns.column("user_id", &userID)
        try columns.column("ip", &ip)
        try columns.column("user_agent_hash", &userAgentHash)
        try columns.column("token_version", &tokenVersion)
        try columns.column("expires_at", &expiresAt)
        try columns.column("created_at", &createdAt)
        try columns.column("last_used_at", &lastUsedAt)
        try columns.column("revoked_at", &revokedAt)
    }
}
