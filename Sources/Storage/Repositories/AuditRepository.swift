package import struct FoundationEssentials.Date

/// The audit log (`mcp.md` 5.6).
package protocol AuditRepository: Sendable {
    /// One transaction for the whole batch.
    func append(_ rows: [AuditRecord]) async throws
    /// Newest first, at most `limit`.
    func rows(_ selection: AuditSelection, limit: Int) async throws -> [AuditRecord]
    /// Deletes at most `limit` rows older than `date`.
    func purge(before date: Date, limit: Int) async throws -> Int
    /// Deletes at most `limit` of the oldest rows while there are more than `newest`.
    func purge(allBut newest: Int, limit: Int) async throws -> Int
}

/// Which rows of the audit log are meant; `nil` members do not restrict.
package struct AuditSelection: Sendable, Hashable {
    package var userID: Int64?
    package var tokenID: Int64?
    /// Rows with a smaller id.
    package var before: Int64?
    package var tool: String?
    /// Rows of these servers, and rows without server. An empty list leaves the latter only.
    package var serverIDs: [Int64]?

    package init(
        userID: Int64? = nil, tokenID: Int64? = nil, before: Int64? = nil, tool: String? = nil,
        serverIDs: [Int64]? = nil
    ) {
        self.userID = userID
        self.tokenID = tokenID
        self.before = before
        self.tool = tool
        self.serverIDs = serverIDs
    }
}
