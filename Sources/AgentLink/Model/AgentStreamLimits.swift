/// How long a stream may live and be silent, by what it is for.
public struct AgentStreamLimits: Sendable, Hashable {
    /// Without a data frame in either direction; keep-alives do not count. `nil` = no limit here.
    public var idle: Duration?
    /// From the announcement on. `nil` = no limit here.
    public var total: Duration?
    /// How long a created stream waits for its user.
    public var clientAttach: Duration = .seconds(60)
    /// How long a user waits for the agent, from the moment he attached (`agent-link-details.md` 3).
    public var agentAttach: Duration = .seconds(10)

    public init(idle: Duration?, total: Duration?) {
        self.idle = idle
        self.total = total
    }

    /// Of a person: a forgotten shell does not stay open for ever.
    public static let interactive = AgentStreamLimits(idle: .seconds(4 * 3600), total: .seconds(24 * 3600))

    /// Whoever opens the stream for itself has limits of its own.
    public static let openers = AgentStreamLimits(idle: nil, total: nil)

    /// The limits of each purpose.
    public struct Table: Sendable {
        public var terminal = AgentStreamLimits.interactive
        public var fileManager = AgentStreamLimits.interactive
        public var nat = AgentStreamLimits.openers
        public var transfer = AgentStreamLimits.openers

        public init() {}

        public subscript(purpose: AgentStreamPurpose) -> AgentStreamLimits {
            switch purpose {
            case .terminal: terminal
            case .fileManager: fileManager
            case .nat: nat
            case .transfer: transfer
            }
        }
    }
}
