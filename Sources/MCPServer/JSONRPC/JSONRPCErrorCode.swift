/// The `code` of an error object (`mcp.md` 1.4 and 10.2).
package struct JSONRPCErrorCode: RawRepresentable, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// The body is no JSON, or its members have the wrong types.
    package static let parseError = JSONRPCErrorCode(rawValue: -32700)
    package static let invalidRequest = JSONRPCErrorCode(rawValue: -32600)
    /// Also a tool that does not exist.
    package static let methodNotFound = JSONRPCErrorCode(rawValue: -32601)
    package static let invalidParams = JSONRPCErrorCode(rawValue: -32602)
    package static let internalError = JSONRPCErrorCode(rawValue: -32603)
    /// No usable token. Legacy requests only: revision 2026-07-28 discourages it.
    package static let unauthorized = JSONRPCErrorCode(rawValue: -32001)
    /// MCP is disabled, or the rate limit is reached. Legacy requests only: revision 2026-07-28 forbids it.
    package static let unavailable = JSONRPCErrorCode(rawValue: -32002)
    /// A header contradicts the body or is missing. Revision 2026-07-28 only: clients take it for proof of that era.
    package static let headerMismatch = JSONRPCErrorCode(rawValue: -32020)
    /// Revision 2026-07-28 only, likewise.
    package static let unsupportedProtocolVersion = JSONRPCErrorCode(rawValue: -32022)
}
