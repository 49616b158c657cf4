import AgentLink

/// What the configuration forbids, and how each task says so (`agent-link-details.md` 2, gates).
enum TaskGates {
    enum Refusal: Sendable, Equatable {
        /// Answered like this.
        case reply(data: String, successful: Bool)
        /// Nothing at all: the user's side times out.
        case silence
        /// The stream is opened and then ends with this error.
        case streamError(String)
    }

    private struct Gate: Sendable {
        var isClosed: @Sendable (AgentConfiguration) -> Bool
        var refusal: Refusal
    }

    static func refusal(of type: AgentTaskType, _ configuration: AgentConfiguration) -> Refusal? {
        guard let gate = gate(type), gate.isClosed(configuration) else { return nil }
        return gate.refusal
    }

    private static func gate(_ type: AgentTaskType) -> Gate? {
        switch type {
        case .httpGet, .icmpPing, .tcpPing:
            Gate(
                isClosed: \.disableSendQuery,
                refusal: .reply(data: "This server has disabled query sending", successful: false))
        case .command, .reportConfig, .applyConfig, .serverTransferApply:
            commands(.reply(data: "This server has disabled command execution", successful: false))
        case .upgrade: Gate(isClosed: \.disableForceUpdate, refusal: .reply(data: "", successful: false))
        case .terminal, .fileManager: commands(.silence)
        case .nat: Gate(isClosed: \.disableNAT, refusal: .silence)
        case .exec:
            commands(
                .reply(data: ExecReply(error: "agent disabled command execution").jsonText(), successful: true))
        case .fsList: commands(.reply(data: FsListReply(error: filesRefused).jsonText(), successful: true))
        case .fsRead: commands(.reply(data: FsReadReply(error: filesRefused).jsonText(), successful: true))
        case .fsWrite: commands(.reply(data: FsWriteReply(error: filesRefused).jsonText(), successful: true))
        case .fsDelete: commands(.reply(data: FsDeleteReply(error: filesRefused).jsonText(), successful: true))
        case .fsTransfer: commands(.streamError(filesRefused))
        case .keepalive, .cancel: nil
        }
    }

    private static let filesRefused = "agent disabled file operations"

    private static func commands(_ refusal: Refusal) -> Gate {
        Gate(isClosed: \.disableCommandExecute, refusal: refusal)
    }
}
