/// The only way from the tools to the agents. A later build may run several gateways over one database, where the
/// link of a server is on another node; nothing behind this protocol may be assumed to be in this process.
///
/// ```swift
/// let link = try await network.link(to: 7)
/// let reply = try await link.call(.exec, body: ExecTask(cmd: "uptime").jsonText(), timeout: .seconds(35))
/// ```
package protocol AgentNetwork: Sendable {
    /// The way to the agent of server `id`.
    /// - Throws: ``AgentCallError/offline`` where no task stream is attached.
    func link(to id: Int64) async throws(AgentCallError) -> any AgentServerLink

    /// What is known of these servers' agents now; servers that never reported are absent.
    func presence(of ids: [Int64]) async -> [Int64: AgentPresence]

    /// For each of these servers in their order, a number that is another one as soon as its agent has reported anything
    /// or has gone; 0 for those that never reported. Whoever keeps what was made of ``presence(of:)`` asks before it.
    /// - Returns: `nil` for networks that do not count; nothing is kept then.
    func reportVersions(of ids: [Int64]) async -> [UInt64]?

    /// The server of an announced stream that this claim may take now; `nil` also when there is no such stream.
    func server(ofStream id: String, for claim: AgentStreamClaim) async -> Int64?

    /// Takes the user's side of an announced stream, once. The agent may attach later: until then frames to it are
    /// queued, and when it does not come in time `receive()` throws ``AgentCallError/notAttached(seconds:)``.
    /// - Throws: ``AgentCallError/streamRefused`` for ids that do not exist or are not the claimant's to take.
    func attachStream(_ id: String, for claim: AgentStreamClaim) async throws(AgentCallError) -> any AgentStream

    /// Sends a task under an id of the caller (a service, cron or transfer id); its result comes to the
    /// ``AgentResultSink``.
    func send(_ type: AgentTaskType, id: UInt64, body: String, to server: Int64) async throws(AgentCallError)

    /// Ends everything that is open to server `id` (it was deleted or moved): its streams, and with `detach` its
    /// task and state streams too.
    func disconnect(server id: Int64, detach: Bool) async
}

extension AgentNetwork {
    package func reportVersions(of ids: [Int64]) async -> [UInt64]? { nil }

    /// For networks whose agents take no tasks of that kind.
    package func send(
        _ type: AgentTaskType, id: UInt64, body: String, to server: Int64
    ) async throws(AgentCallError) { throw .offline }
}

/// An attached agent.
package protocol AgentServerLink: Sendable {
    /// Whether a call that is cancelled also stops the work on the agent (`agent-link.md` 6).
    var canCancel: Bool { get }

    /// Sends one task with a fresh id and awaits its reply; replies are matched by id *and* by server.
    ///
    /// When the surrounding task is cancelled, this throws `CancellationError` at once, and an agent that knows the
    /// `cancel` extension is told to stop the work.
    /// - Parameters:
    ///   - body: the task's `data`.
    ///   - timeout: how long to wait for the reply.
    /// - Throws: ``AgentCallError`` or `CancellationError`.
    func call(_ type: AgentTaskType, body: String, timeout: Duration) async throws -> AgentTaskReply

    /// Sends one task that may have no reply (upgrade, apply config: an agent that obeys may be gone before it answers,
    /// old ones answer nothing), and waits a while for one.
    /// - Returns: the reply; `nil` when none came in time or before the agent left.
    /// - Throws: ``AgentCallError`` when the task was not sent, `CancellationError`.
    func send(_ type: AgentTaskType, body: String, awaitingReplyFor patience: Duration) async throws -> AgentTaskReply?

    /// Registers a terminal or file manager stream for a person and sends its task. The client attaches by
    /// ``AgentNetwork/attachStream(_:for:)``; nobody else ever can, and a stream that nobody takes in time ends.
    /// - Parameter owner: who opens it; their quota counts.
    /// - Returns: the stream's id.
    /// - Throws: ``AgentCallError`` or `CancellationError`; nothing stays registered then.
    func announceStream(_ purpose: AgentStreamPurpose, owner: AgentStreamCredential) async throws -> String

    /// Registers an IOStream, sends its task and waits until the agent has attached.
    /// - Parameters:
    ///   - purpose: decides the task type and the quotas (20 a user, 40 a server).
    ///   - userID: whose quota counts; `nil` for transfers.
    ///   - attachTimeout: 10 s for people, 30 s for transfers.
    ///   - body: makes the task's `data` from the new stream id.
    /// - Throws: ``AgentCallError`` or `CancellationError`; nothing stays registered then.
    func openStream(
        _ purpose: AgentStreamPurpose, userID: Int64?, attachTimeout: Duration,
        body: @Sendable (_ streamID: String) -> String
    ) async throws -> any AgentStream
}

extension AgentServerLink {
    /// For networks that cannot tell a task that was not sent from one whose agent left.
    package func send(
        _ type: AgentTaskType, body: String, awaitingReplyFor patience: Duration
    ) async throws -> AgentTaskReply? {
        do {
            return try await call(type, body: body, timeout: patience)
        } catch AgentCallError.timeout {
            return nil
        }
    }
}

/// One open IOStream, seen from the user's side. Empty keep-alive frames never show.
///
/// Whoever opened it must `close()` it on every path. Reading and writing may go on at the same time; each side has
/// one caller. The buffer toward the reader is bounded: an agent that sends faster than the reader reads is held back.
package protocol AgentStream: Sendable {
    var id: String { get }

    /// The next data frame of the agent; `nil` after the agent ended the stream.
    /// - Throws: ``AgentCallError``, `CancellationError`.
    func receive() async throws -> [UInt8]?

    /// Sends one data frame; suspends while the transport is full.
    func send(_ frame: [UInt8]) async throws

    /// Ends the stream on both sides. Idempotent.
    func close() async
}
