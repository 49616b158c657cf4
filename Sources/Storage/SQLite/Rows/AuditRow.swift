import Foundation
import GRDB

/// Table `mcp_audit_logs` (`mcp.md` 5.6).
struct AuditRow: FetchableRecord, PersistableRecord {
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

    func encode(to container: inout PersistenceContainer) {
        container[Columns.id] = record.id == 0 ? nil : record.id
        container[Columns.createdAt] = record.createdAt.storedMilliseconds
        container[Columns.userID] = record.userID
        container[Columns.tokenID] = record.tokenID
        container[Columns.serverID] = record.serverID
        container[Columns.tool] = record.tool.storable
        container[Columns.origin] = record.origin.storable
        container[Columns.requestID] = record.requestID.storable
        container[Columns.argumentsHash] = record.argumentsHash.storable
        container[Columns.argumentsRedacted] = record.argumentsRedacted.storable
        container[Columns.outcome] = record.outcome.storable
        container[Columns.errorCode] = record.errorCode.storable
        container[Columns.errorMessage] = record.errorMessage.storable
        container[Columns.durationMilliseconds] = record.durationMilliseconds
        container[Columns.ip] = record.ip.storable
    }
}
