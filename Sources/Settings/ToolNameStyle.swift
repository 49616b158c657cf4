/// How lists spell the names of tools: setting `mcp_tool_names`, and `?names=` on the URL of MCP. Calls may spell them
/// either way, whatever lists show.
package enum ToolNameStyle: String, Sendable, Hashable, CaseIterable {
    /// `server.exec`, as in the contract.
    case dotted
    /// `server_exec`, for clients whose APIs take `[a-zA-Z0-9_-]` only.
    case underscore

    /// The styles as error texts show them.
    package static var allNames: String { allCases.map(\.rawValue).joined(separator: " or ") }

    /// `server_exec` for `server.exec`.
    package static func underscored(_ name: String) -> String { name.replacing(".", with: "_") }
}
