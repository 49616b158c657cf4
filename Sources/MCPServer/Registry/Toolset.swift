/// A group of tools that `mcp_toolsets` turns on for MCP; the one list of their names.
package enum Toolset: String, Sendable, Hashable, CaseIterable {
    /// The ten tools of the contract, and the default (`mcp.md` 4.1).
    case core
    /// Work on many servers at once.
    case fleet
    /// The record of calls.
    case audit
    /// More of the file system.
    case files
    /// Measurements.
    case metrics
    /// What the engines look after: lists and histories.
    case monitoring
    /// Changes of what the engines look after.
    case monitoringWrite = "monitoring-write"

    /// The names as error texts and documents show them.
    package static var allNames: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
