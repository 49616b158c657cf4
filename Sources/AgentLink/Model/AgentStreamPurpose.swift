/// What an IOStream is for; decides who may attach and which quota counts (`agent-link.md` 3).
package enum AgentStreamPurpose: String, Sendable, CaseIterable {
    case terminal
    case fileManager
    case nat
    /// `fs.download_url` / `fs.upload_url`: counts toward the server's quota only.
    case transfer

    /// The task that makes the agent open the stream.
    package var taskType: AgentTaskType {
        switch self {
        case .terminal: .terminal
        case .fileManager: .fileManager
        case .nat: .nat
        case .transfer: .fsTransfer
        }
    }
}
