import FoundationEssentials

extension AuditRecord: StoredRow {
    static let table = Table(
        "mcp_audit_logs",
        blank: AuditRecord(
            createdAt: .distantPast, userID: 0, tokenID: 0, serverID: 0, tool: "", origin: "", requestID: "",
            argumentsHash: "", argumentsRedacted: "", outcome: "", errorCode: "", errorMessage: "",
            durationMilliseconds: 0, ip: ""))

    mutating func code(_ columns: inout some ColumnCoder) throws {
        try columns.key("id", &id)
        try columns.column("created_at", &createdAt)
        try columns.column("user_id", &userID)
        try columns.column("token_id", &tokenID)
        try columns.column("server_id", &serverID)
        try columns.column("tool", &tool)
        try columns.column("origin", &origin)
        try columns.column("request_id", &requestID)
        try columns.column("args_hash", &argumentsHash)
        try columns.column("args_redacted", &argumentsRedacted)
        try columns.column("outcome", &outcome)
        try columns.column("error_code", &errorCode)
        try columns.column("error_msg", &errorMessage)
        try columns.column("duration_ms", &durationMilliseconds)
        try columns.column("ip", &ip)
    }
}
