import Foundation
import GRDB

/// Table `mcp_audit_logs` (`mcp.md` 5.6).
struct AuditRow: FetchableRecord, TableRecord {
    static let databaseTableName = "mcp_audit_logs"

    enum Columns {
        static let id = Column("id")
        static let createdAt = Column("created_at")
        static let userID = Column("user_id")
        static let tokenID = Column("token_id")
        static let serverID = Column("server_id")
        static let tool = Column("tool")
        static let origin = Column("origin")
        static let requestID = Column("request_id")
        static let argumentsHash = Column("args_hash")
        static let argumentsRedacted = Column("args_redacted")
        static let outcome = Column("outcome")
        static let errorCode = Column("error_code")
        static let errorMessage = Column("error_msg")
        static let durationMilliseconds = Column("duration_ms")
        static let ip = Column("ip")
    }

    var record: AuditRecord

    init(_ record: AuditRecord) {
        self.record = record
    }

    init(row: Row) throws {
        record = AuditRecord(
            id: try row.value(Columns.id),
            createdAt: try row.date(Columns.createdAt),
            userID: try row.value(Columns.userID),
            tokenID: try row.value(Columns.tokenID),
            serverID: try row.value(Columns.serverID),
            tool: try row.value(Columns.tool),
            origin: try row.value(Columns.origin),
            requestID: try row.value(Columns.requestID),
            argumentsHash: try row.value(Columns.argumentsHash),
            argumentsRedacted: try row.value(Columns.argumentsRedacted),
            outcome: try row.value(Columns.outcome),
            errorCode: try row.value(Columns.errorCode),
            errorMessage: try row.value(Columns.errorMessage),
            durationMilliseconds: try row.value(Columns.durationMilliseconds),
            ip: try row.value(Columns.ip))
    }

    /// Spelled out instead of left to the record's protocol: every call of a tool inserts a row, and this costs a
    /// third of it. The columns stand in the order of ``insertionArguments``.
    static let insertion = """
        INSERT INTO mcp_audit_logs (created_at, user_id, token_id, server_id, tool, origin, request_id, args_hash,
            args_redacted, outcome, error_code, error_msg, duration_ms, ip)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    /// The values of ``insertion``; the database chooses the id.
    static func insertionArguments(_ record: AuditRecord) -> StatementArguments {
        [
            record.createdAt.storedMilliseconds, record.userID, record.tokenID, record.serverID, record.tool.storable,
            record.origin.storable, record.requestID.storable, record.argumentsHash.storable,
            record.argumentsRedacted.storable, record.outcome.storable, record.errorCode.storable,
            record.errorMessage.storable, record.durationMilliseconds, record.ip.storable,
        ]
    }
}
