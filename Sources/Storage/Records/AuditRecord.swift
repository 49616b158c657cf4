package import struct FoundationEssentials.Date

/// One call of a tool, or one use of a transfer URL (`mcp.md` 5.6). Never holds argument values.
package struct AuditRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    package var id: Int64
    package var createdAt: Date
    /// 0 when unknown, as the following two.
    package var userID: Int64
    package var tokenID: Int64
    package var serverID: Int64
    package var tool: String
    /// `mcp`, `rest`, `transfer` or `internal`.
    package var origin: String
    /// Ties the row to the log lines of the same request.
    package var requestID: String
    /// SHA-256 of the argument bytes, 64 hex; empty when there were none.
    package var argumentsHash: String
    /// The arguments with every free text replaced by its length and SHA-256, as JSON.
    package var argumentsRedacted: String
    /// `ok`, `scope_denied`, … (`mcp.md` 5.6).
    package var outcome: String
    /// The outcome again on failure, empty on `ok`.
    package var errorCode: String
    /// At most 512 bytes.
    package var errorMessage: String
    package var durationMilliseconds: Int64
    package var ip: String

    package init(
        id: Int64 = 0, createdAt: Date, userID: Int64, tokenID: Int64, serverID: Int64, tool: String,
        origin: String, requestID: String, argumentsHash: String, argumentsRedacted: String, outcome: String,
        errorCode: String, errorMessage: String, durationMilliseconds: Int64, ip: String
    ) {
        self.id = id
        self.createdAt = createdAt
        self.userID = userID
        self.tokenID = tokenID
        self.serverID = serverID
        self.tool = tool
        self.origin = origin
        self.requestID = requestID
        self.argumentsHash = argumentsHash
        self.argumentsRedacted = argumentsRedacted
        self.outcome = outcome
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.durationMilliseconds = durationMilliseconds
        self.ip = ip
    }
}
