import AgentLink
import JSON
import Primitives

/// The calls of the tools to agents (`mcp.md` 4.11).
struct AgentTasks: Sendable {
    private let network: any AgentNetwork

    init(_ network: any AgentNetwork) {
        self.network = network
    }

    /// How long a file-system task may take.
    static let fileTimeout = Duration.seconds(30)
    /// The deadline of the file-system tools; the agent's own comes first, so that its text is the one shown.
    static let fileDeadline = Duration.seconds(35)

    /// Bytes of an agent's error text that are passed on: enough for a reason, too few to flood a model or a log.
    static let errorLimit = 4096

    /// Refuses a command that could hit either of two machines, unless the caller does not mind which.
    func requireOneMachine(_ id: Int64, unless any: Bool?) async throws(ToolFailure) {
        guard any != true, await network.presence(of: [id])[id]?.isDuplicated == true else { return }
        throw .rejected(
            """
            two machines report under the UUID of this server, and the command could run on either; give one of them a \
            UUID of its own, or pass any_machine to run it all the same
            """)
    }

    /// Sends one task to the agent of server `id` and reads its answer.
    /// - Parameter bounded: brings an answer that is larger than agreed within its limits, or refuses it.
    /// - Throws: ``ToolFailure/agentError(_:structured:)`` when the agent refused or sent no readable answer;
    ///   ``AbandonedAgentWork`` when its answer was not awaited to the end; `AgentCallError` and `CancellationError` as
    ///   they come. The registry knows what they mean.
    func call<Reply: AgentAnswer>(
        _ type: AgentTaskType, _ task: some TaskBody, on id: Int64, timeout: Duration = fileTimeout,
        bounded: (Reply) throws -> Reply = { $0 }
    ) async throws -> Reply {
        let link = try await network.link(to: id)
        let reply = try await link.reply(to: type, task.jsonText(), timeout)
        guard reply.successful else {
            let text = reply.data.isEmpty ? "agent returned unsuccessful result" : reply.data
            throw ToolFailure.agentError(text.cut(toBytes: Self.errorLimit))
        }
        var answer: Reply
        do {
            answer = try Reply(json: reply.data)
        } catch {
            throw ToolFailure.agentError("agent sent a malformed result: \(error.reason)")
        }
        answer = try bounded(answer)
        if answer.error.isEmpty { return answer }
        answer.error = answer.error.cut(toBytes: Self.errorLimit)
        throw answer.failure
    }
}

extension AgentServerLink {
    fileprivate func reply(
        to type: AgentTaskType, _ body: String, _ timeout: Duration
    ) async throws -> AgentTaskReply {
        // Nothing is sent for a call that has ended already, so there is nothing to be told of it either.
        try Task.checkCancellation()
        let canCancel = canCancel
        do {
            return try await call(type, body: body, timeout: timeout)
        } catch is CancellationError {
            throw AbandonedAgentWork(reason: .cancelled, end: canCancel ? .told : .untold)
        } catch AgentCallError.timeout {
            throw AbandonedAgentWork(reason: .timeout, end: canCancel ? .told : .untold)
        }
    }
}

/// An answer that says in `error` why the work was not done.
protocol AgentAnswer: TaskBody {
    var error: String { get set }

    /// What the caller is told of `error`.
    var failure: ToolFailure { get }
}

extension AgentAnswer {
    var failure: ToolFailure { .agentError(error) }
}

extension FsListReply: AgentAnswer {}
extension FsReadReply: AgentAnswer {}
extension FsWriteReply: AgentAnswer {}
extension FsDeleteReply: AgentAnswer {}

extension ExecReply: AgentAnswer {
    /// The one failure that shows its whole result, which satisfies the output schema (`mcp.md` 4.5).
    var failure: ToolFailure {
        .agentError("agent_error: \(error)", structured: try? JSONValueEncoder().encode(self))
    }
}
