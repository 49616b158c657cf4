import Synchronization
import Transport

/// Ids of calls: unique in this process and above every 32-bit database id (`agent-link-details.md` 2), so that a
/// result can only belong to the call that made it.
enum AgentTaskID {
    static let first: UInt64 = (1 << 32) + 1

    private static let counter = Atomic<UInt64>(first)

    static func next() -> UInt64 {
        counter.wrappingAdd(1, ordering: .relaxed).oldValue
    }

    /// Whether an id was given out already; tells late results from invented ones.
    static func wasIssued(_ id: UInt64) -> Bool {
        id >= first && id < counter.load(ordering: .relaxed)
    }
}

/// One `RequestTask` stream of one agent: the tasks on their way out and the calls that await a result.
///
/// The table of calls lives and dies with the stream, so a result can only match a call that was made to this agent
/// on this stream. Ended by its ``AgentSession`` (superseded, removed) or by the service when the call ends.
final class TaskStream: Sendable {
    enum Outcome: Equatable {
        case matched
        case late
        case unknown
        case mistyped
    }

    private struct Call {
        var type: UInt64
        var reply: Promise<AgentTaskReply>
    }

    private struct State {
        var calls: [UInt64: Call] = [:]
        var isEnded = false
    }

    let serverID: Int64
    /// Of the streams of this server; higher is newer.
    let epoch: UInt64
    let extensions: AgentExtensions
    /// Read by the agent's `RequestTask` call alone.
    let outbox: BoundedMailbox<AgentTask>
    /// Resolved with why the stream was ended.
    let ended = Promise<AgentStreamEnd>()
    private let state = Lock(State())

    init(serverID: Int64, epoch: UInt64, extensions: AgentExtensions, configuration: AgentLinkConfiguration) {
        self.serverID = serverID
        self.epoch = epoch
        self.extensions = extensions
        outbox = BoundedMailbox(maxCount: configuration.taskQueue.count, maxCost: configuration.taskQueue.bytes)
    }

    /// Opens a place for the result of task `id`; `nil` when the stream has ended, so that no call waits on it.
    func expect(id: UInt64, type: AgentTaskType) -> Promise<AgentTaskReply>? {
        state.withLock { state in
            guard !state.isEnded else { return nil }
            let reply = Promise<AgentTaskReply>()
            state.calls[id] = Call(type: type.rawValue, reply: reply)
            return reply
        }
    }

    /// Nobody awaits task `id` any more.
    func forget(id: UInt64) {
        state.withLock { _ = $0.calls.removeValue(forKey: id) }
    }

    /// Gives a result to the call that awaits it.
    func complete(_ result: AgentTaskResult) -> Outcome {
        let (outcome, reply) = state.withLock { state -> (Outcome, Promise<AgentTaskReply>?) in
            guard let call = state.calls[result.id] else {
                return (AgentTaskID.wasIssued(result.id) ? .late : .unknown, nil)
            }
            guard call.type == result.type else { return (.mistyped, nil) }
            state.calls.removeValue(forKey: result.id)
            return (.matched, call.reply)
        }
        reply?.resolve(.success(result.reply))
        return outcome
    }

    /// Fails the calls in flight, drops what was not sent and ends the agent's call. Idempotent.
    func end(_ reason: AgentStreamEnd) {
        let calls = state.withLock { state in
            state.isEnded = true
            let calls = Array(state.calls.values)
            state.calls = [:]
            return calls
        }
        ended.resolve(.success(reason))
        outbox.fail(reason)
        for call in calls { call.reply.resolve(.failure(AgentCallError.offline)) }
    }

    var openCalls: Int { state.withLock { $0.calls.count } }
}

/// One `ReportSystemState` stream of one agent.
final class StateStream: Sendable {
    let serverID: Int64
    /// Resolved with why the stream was ended.
    let ended = Promise<AgentStreamEnd>()

    init(serverID: Int64) {
        self.serverID = serverID
    }

    func end(_ reason: AgentStreamEnd) {
        ended.resolve(.success(reason))
    }
}
