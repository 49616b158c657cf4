/// How long a stream may live and be silent, by what it is for.
package struct AgentStreamLimits: Sendable, Hashable {
    /// Without a data frame in either direction; keep-alives do not count. `nil` = no limit here.
    package var idle: Duration?
    /// From the announcement on. `nil` = no limit here.
    package var total: Duration?
    /// How long a created stream waits for its user.
    package var clientAttach: Duration = .seconds(60)
    /// How long a user waits for the agent, from the moment they attached (`agent-link-details.md` 3).
    package var agentAttach: Duration = .seconds(10)

    package init(idle: Duration?, total: Duration?) {
        self.idle = idle
        self.total = total
    }

    /// Of a person: a forgotten shell does not stay open for ever.
    package static let interactive = AgentStreamLimits(idle: .seconds(4 * 3600), total: .seconds(24 * 3600))

    /// Whoever opens the stream for itself has limits of its own.
    package static let openers = AgentStreamLimits(idle: nil, total: nil)

    /// The limits of each purpose.
    package struct Table: Sendable {
        package var terminal = AgentStreamLimits.interactive
        package var fileManager = AgentStreamLimits.interactive
        package var nat = AgentStreamLimits.openers
        package var transfer = AgentStreamLimits.openers

        package init() {}

        package subscript(purpose: AgentStreamPurpose) -> AgentStreamLimits {
            switch purpose {
            case .terminal: terminal
            case .fileManager: fileManager
            case .nat: nat
            case .transfer: transfer
            }
        }
    }
}
