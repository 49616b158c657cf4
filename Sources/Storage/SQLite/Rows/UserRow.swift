import FoundationEssentials

extension UserRecord: StoredRow {
    static let table = Table(
        "users",
        blank: UserRecord(
            username: "", passwordHash: "", role: .member, agentSecretHash: "", agentSecretSealed: [],
            createdAt: .distantPast, updatedAt: .distantPast))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("username", &username)
        try columns.column("password_hash", &passwordHash)
        try columns.column("role", &role, as: Choice.self)
        try columns.column("agent_secret_hash", &agentSecretHash)
        try columns.column("agent_secret_sealed", &agentSecretSealed)
        try columns.column("reject_password", &rejectPassword)
        try columns.column("token_version", &tokenVersion)
        try columns.column("created_at", &createdAt)
        try columns.column("updated_at", &updatedAt)
    }
}
