import AgentLink
import Synchronization

/// Agents that answer what a test says, in memory.
final class FakeNetwork: AgentNetwork {
    typealias Answer = @Sendable (AgentTaskType, String) async throws -> AgentTaskReply

    struct Sent: Sendable {
        var server: Int64
        var type: AgentTaskType
        var body: String
        var timeout: Duration
        /// Of tasks whose id the caller chose.
        var id: UInt64 = 0
    }

    private struct State {
        var answers: [Int64: Answer] = [:]
        var presence: [Int64: AgentPresence] = [:] {
            didSet { reports += 1 }
        }
        var reports: UInt64 = 0
        var sent: [Sent] = []
        var cancelled = 0
        var disconnected: [(server: Int64, detach: Bool)] = []
        var withoutCancel: Set<Int64> = []
    }

    /// Where streams that people attach to live.
    let streams: AgentDirectory
    private let state = Mutex(State())

    init(streams: AgentDirectory = AgentDirectory()) { self.streams = streams }

    var sent: [Sent] { state.withLock { $0.sent } }
    /// Calls that ended because their task was cancelled.
    var cancelled: Int { state.withLock { $0.cancelled } }

    func attach(_ id: Int64, presence: AgentPresence = AgentPresence(), answer: @escaping Answer) {
        state.withLock {
            $0.answers[id] = answer
            $0.presence[id] = presence
            $0.presence[id]?.isAttached = true
        }
    }

    /// An agent that answers every task with this JSON.
    func attach(_ id: Int64, json: String, successful: Bool = true) {
        attach(id) { _, _ in AgentTaskReply(data: json, successful: successful) }
    }

    /// An agent that never answers.
    /// - Parameter canCancel: whether it knows the `cancel` extension.
    func attachSilent(_ id: Int64, canCancel: Bool = true) {
        if !canCancel { state.withLock { _ = $0.withoutCancel.insert(id) } }
        attach(id) { _, _ in
            try await Task.sleep(for: .seconds(600))
            throw AgentCallError.timeout
        }
    }

    func report(_ id: Int64, _ presence: AgentPresence) {
        state.withLock { $0.presence[id] = presence }
    }

    func link(to id: Int64) async throws(AgentCallError) -> any AgentServerLink {
        guard let answer = state.withLock({ $0.answers[id] }) else { throw .offline }
        return Link(serverID: id, network: self, answer: answer)
    }

    func presence(of ids: [Int64]) async -> [Int64: AgentPresence] {
        state.withLock { state in state.presence.filter { ids.contains($0.key) } }
    }

    func reportVersions(of ids: [Int64]) async -> [UInt64]? {
        state.withLock { state in ids.map { _ in state.reports } }
    }

    func server(ofStream id: String, for claim: AgentStreamClaim) async -> Int64? {
        await streams.server(ofStream: id, for: claim)
    }

    func attachStream(_ id: String, for claim: AgentStreamClaim) async throws(AgentCallError) -> any AgentStream {
        try await streams.attachStream(id, for: claim)
    }

    func send(_ type: AgentTaskType, id: UInt64, body: String, to server: Int64) async throws(AgentCallError) {
        let isAttached = state.withLock { state in
            guard state.answers[server] != nil else { return false }
            state.sent.append(Sent(server: server, type: type, body: body, timeout: .zero, id: id))
            return true
        }
        if !isAttached { throw .offline }
    }

    func disconnect(server id: Int64, detach: Bool) async {
        state.withLock { $0.disconnected.append((id, detach)) }
    }

    /// Servers whose streams were ended, and whether the agent was let go too.
    var disconnected: [(server: Int64, detach: Bool)] { state.withLock { $0.disconnected } }

    private struct Link: AgentServerLink {
        let serverID: Int64
        let network: FakeNetwork
        let answer: Answer
        var canCancel: Bool { network.state.withLock { !$0.withoutCancel.contains(serverID) } }

        func call(_ type: AgentTaskType, body: String, timeout: Duration) async throws -> AgentTaskReply {
            network.state.withLock {
                $0.sent.append(Sent(server: serverID, type: type, body: body, timeout: timeout))
            }
            do {
                return try await answer(type, body)
            } catch let error as CancellationError {
                network.state.withLock { $0.cancelled += 1 }
                throw error
            }
        }

        func announceStream(_ purpose: AgentStreamPurpose, owner: AgentStreamCredential) async throws -> String {
            try await network.streams.link(to: serverID).announceStream(purpose, owner: owner)
        }

        func openStream(
            _ purpose: AgentStreamPurpose, userID: Int64?, attachTimeout: Duration,
            body: @Sendable (_ streamID: String) -> String
        ) async throws -> any AgentStream {
            throw AgentCallError.offline
        }
    }
}
