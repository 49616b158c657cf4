public import struct Foundation.Date

/// One call of a tool, or one use of a transfer URL (`mcp.md` 5.6). Never holds argument values.
public struct AuditRecord: Sendable, Hashable, Identifiable {
    /// 0 until inserted.
    public var id: Int64
    public var createdAt: Date
    /// 0 when unknown, as the following two.
    public var userID: Int64
    public var tokenID: Int64
    public var serverID: Int64
    public var tool: String
    /// `mcp`, `rest`, `transfer` or `internal`.
    public var origin: String
    /// Ties the row to the log lines of the same request.
    public var requestID: String
    /// SHA-256 of the argument bytes, 64 hex; empty when there were none.
    public var argumentsHash: String
    /// The arguments with every free text replaced by its length and SHA-256, as JSON.
    public var argumentsRedacted: String
    /// `ok`, `scope_denied`, … (`mcp.md` 5.6).
    public var outcome: String
    /// The outcome again on failure, empty on `ok`.
    public var errorCode: String
    /// At most 512 bytes.
    public var errorMessage: String
    public var durationMilliseconds: Int64
    public var ip: String

    public init(
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
