/// Why the gateway ended a stream of an agent.
enum AgentStreamEnd: Error, Sendable, Equatable {
    /// A newer task stream of the same server came.
    case taskStreamSuperseded
    /// A newer state stream of the same server came.
    case stateStreamSuperseded
    /// The server was deleted or moved.
    case serverRemoved
    /// The agent did not take what was sent to it.
    case stalled
    /// The gateway stops.
    case shutdown
    /// The call ended below us: connection lost, reset by the agent.
    case disconnected
}
