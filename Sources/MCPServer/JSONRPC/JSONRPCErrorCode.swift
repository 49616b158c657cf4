/// The `code` of an error object (`mcp.md` 1.4 and 10.2).
public struct JSONRPCErrorCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: Int

    public init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// The body is no JSON, or its members have the wrong types.
    public static let parseError = JSONRPCErrorCode(rawValue: -32700)
    public static let invalidRequest = JSONRPCErrorCode(rawValue: -32600)
    /// Also a tool that does not exist.
    public static let methodNotFound = JSONRPCErrorCode(rawValue: -32601)
    public static let invalidParams = JSONRPCErrorCode(rawValue: -32602)
    public static let internalError = JSONRPCErrorCode(rawValue: -32603)
    /// No usable token. Legacy requests only: revision 2026-07-28 discourages it.
    public static let unauthorized = JSONRPCErrorCode(rawValue: -32001)
    /// MCP is disabled, or the rate limit is reached. Legacy requests only: revision 2026-07-28 forbids it.
    public static let unavailable = JSONRPCErrorCode(rawValue: -32002)
    /// A header contradicts the body or is missing. Revision 2026-07-28 only: clients take it for proof of that era.
    public static let headerMismatch = JSONRPCErrorCode(rawValue: -32020)
    /// Revision 2026-07-28 only, likewise.
    public static let unsupportedProtocolVersion = JSONRPCErrorCode(rawValue: -32022)
}
