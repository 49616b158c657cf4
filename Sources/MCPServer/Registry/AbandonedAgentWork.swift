/// A task of an agent whose answer is not awaited any more. The audit row tells what becomes of the work
/// (`agent-link.md` 6).
struct AbandonedAgentWork: Error, Sendable {
    enum Reason: Sendable {
        /// The call was stopped; its cause is known to the registry.
        case cancelled
        case timeout
    }

    enum End: Sendable {
        /// The agent was told to stop.
        case told
        /// It cannot be told and works on until its own time is up.
        case untold
        /// Its work has ended with its stream.
        case streamClosed
    }

    var reason: Reason
    var end: End

    /// What the caller is told.
    func failure(cause: CancellationCause?) -> ToolFailure {
        switch reason {
        case .cancelled: .cancelled(cause ?? .clientGone)
        case .timeout: cause.map { .cancelled($0) } ?? .agentTimeout
        }
    }

    var note: String {
        switch end {
        case .told: "the agent was told to stop"
        case .untold: "the agent cannot be told to stop, so the work goes on there until its own time is up"
        case .streamClosed: "the agent's stream was closed, which ends its work"
        }
    }
}

/// A failure of which the audit row tells more than the caller learns.
struct AnnotatedFailure: Error, Sendable {
    var failure: ToolFailure
    var note: String

    var auditText: String { "\(failure.message); \(note)" }
}
