/// The version this agent reports. Dashboards look at it before they send tasks: 15–20 need 2.1.0 or later
/// (`agent-link-details.md` 2), so it counts in the numbering of the agents in the field.
package enum AgentVersion {
    package static let current = "2.3.0"
}
