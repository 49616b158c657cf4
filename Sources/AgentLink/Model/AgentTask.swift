/// The task numbers of the agent link (`agent-link.md` 2). A closed list: no other number is ever sent.
package enum AgentTaskType: UInt64, Sendable, CaseIterable {
    case httpGet = 1
    case icmpPing = 2
    case tcpPing = 3
    case command = 4
    case upgrade = 6
    case keepalive = 7
    case terminal = 8
    case nat = 9
    case fileManager = 11
    case reportConfig = 12
    case applyConfig = 13
    case serverTransferApply = 14
    case exec = 15
    case fsList = 16
    case fsRead = 17
    case fsWrite = 18
    case fsDelete = 19
    case fsTransfer = 20
    /// Ours (`agent-link.md` 6): stop the task named in the body. Sent only to agents that announced it.
    case cancel = 10001
}

/// The answer to one task.
package struct AgentTaskReply: Sendable, Hashable {
    /// JSON or text, as the task defines (`agent-link.md` 2).
    package var data: String
    package var successful: Bool
    /// Milliseconds for probes, seconds for commands.
    package var delay: Float

    package init(data: String, successful: Bool, delay: Float = 0) {
        self.data = data
        self.successful = successful
        self.delay = delay
    }
}

/// Why a call to an agent gave no reply.
package enum AgentCallError: Error, Sendable, Equatable {
    /// No task stream is attached, or it was lost before the reply came.
    case offline
    /// The deadline passed.
    case timeout
    /// The encoded task is larger than what an agent surely accepts (3.5 MiB); nothing was sent.
    case payloadTooLarge(bytes: Int, limit: Int)
    /// A stream limit is reached; the text is the one of `rest-details.md` 5.
    case tooManyStreams(String)
    /// The agent did not open the announced stream in time.
    case notAttached(seconds: Int)
    /// No stream of this id may be taken by this caller; whether there is one is not said.
    case streamRefused
    /// A time limit ended the stream; the text is for the user.
    case streamExpired(String)
    /// The peer broke the protocol, or ended a stream early.
    case brokenStream(String)
}
