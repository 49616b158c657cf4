import FoundationEssentials

extension APITokenRecord: StoredRow {
    static let table = Table(
        "api_tokens",
        blank: APITokenRecord(
            userID: 0, name: "", tokenHash: "", scopes: [], createdAt: .distantPast, updatedAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("user_id", &userID)
        try columns.column("name", &name)
        try columns.column("token_hash", &tokenHash)
        try columns.column("scopes_csv", &scopes, as: ScopeText.self)
        try columns.column("servers_csv", &serverIDs, as: ServerIDText.self)
        try columns.column("expires_at", &expiresAt)
        try columns.column("last_used_at", &lastUsedAt)
        try columns.column("last_used_ip", &lastUsedIP)
        try columns.column("created_at", &createdAt)
        try columns.column("updated_at", &updatedAt)
    }
}
