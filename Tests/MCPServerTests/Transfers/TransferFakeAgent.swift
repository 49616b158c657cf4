import AgentLink
import Foundation
import Synchronization

/// A queue of a few messages between two tasks: the sender waits while it is full, as a transport would make it.
final class TransferPipe: Sendable {
    private struct State {
        var messages: [[UInt8]] = []
        var isEnded = false
        var broken: String?
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = capacity }

    func put(_ message: [UInt8]) async throws {
        while true {
            try Task.checkCancellation()
            let done = try state.withLock { state in
                if let broken = state.broken { throw AgentCallError.brokenStream(broken) }
                if state.isEnded { throw AgentCallError.brokenStream("closed") }
                guard state.messages.count < capacity else { return false }
                state.messages.append(message)
                return true
            }
            if done { return }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// What was put before the end still comes; then `nil`, or the error.
    func take() async throws -> [UInt8]? {
        while true {
            try Task.checkCancellation()
            let (message, isOver) = try state.withLock { state -> ([UInt8]?, Bool) in
                if !state.messages.isEmpty { return (state.messages.removeFirst(), false) }
                if let broken = state.broken { throw AgentCallError.brokenStream(broken) }
                return (nil, state.isEnded)
            }
            if let message { return message }
            if isOver { return nil }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    func end() { state.withLock { $0.isEnded = true } }

    func breakOff(_ text: String) { state.withLock { $0.broken = $0.broken ?? text } }
}

/// One stream: the gateway's end is the `AgentStream`, the agent's end is what a script uses.
final class TransferFakeStream: AgentStream {
    let id: String
    let task: FsTransferTask
    private let toGateway: TransferPipe
    private let toAgent: TransferPipe
    private let closes = Atomic(0)

    init(id: String, task: FsTransferTask, capacity: Int) {
        self.id = id
        self.task = task
        toGateway = TransferPipe(capacity: capacity)
        toAgent = TransferPipe(capacity: capacity)
    }

    func receive() async throws -> [UInt8]? { try await toGateway.take() }

    func send(_ frame: [UInt8]) async throws { try await toAgent.put(frame) }

    func close() async {
        closes.add(1, ordering: .relaxed)
        toGateway.breakOff("closed")
        toAgent.end()
    }

    var isClosed: Bool { closes.load(ordering: .relaxed) > 0 }

    // The agent's end.

    func say(_ frame: TransferFrame) async throws { try await toGateway.put(frame.bytes) }

    func say(raw: [UInt8]) async throws { try await toGateway.put(raw) }

    /// `nil` once the gateway has closed the stream.
    func hear() async throws -> [UInt8]? { try await toAgent.take() }

    func end() { toGateway.end() }

    /// The transport fails both ways.
    func breakOff(_ text: String) {
        toGateway.breakOff(text)
        toAgent.breakOff(text)
    }
}

/// What an agent does with a stream it was asked to open.
typealias TransferScript = @Sendable (TransferFakeStream) async throws -> Void

/// One server with an agent that follows a script.
final class TransferFakeNetwork: AgentNetwork, AgentServerLink {
    struct State {
        var script: TransferScript?
        var error: AgentCallError?
        var streams: [TransferFakeStream] = []
        var scripts: [Task<Void, any Error>] = []
    }

    let serverID: Int64
    let canCancel = false
    private let capacity: Int
    private let state = Mutex(State())

    init(serverID: Int64, capacity: Int = 2) {
        self.serverID = serverID
        self.capacity = capacity
    }

    func script(_ script: @escaping TransferScript) { state.withLock { $0.script = script } }

    /// `openStream` fails so.
    func refuse(with error: AgentCallError) { state.withLock { $0.error = error } }

    var streams: [TransferFakeStream] { state.withLock { $0.streams } }

    /// Streams that the gateway has not closed.
    var openCount: Int { streams.filter { !$0.isClosed }.count }

    /// Returns when every script is at its end.
    func settled() async {
        for script in state.withLock({ $0.scripts }) { _ = await script.result }
    }

    func link(to id: Int64) async throws(AgentCallError) -> any AgentServerLink {
        guard id == serverID, state.withLock({ $0.script != nil || $0.error != nil }) else { throw .offline }
        return self
    }

    func openStream(
        _ purpose: AgentStreamPurpose, userID: Int64?, attachTimeout: Duration,
        body: @Sendable (_ streamID: String) -> String
    ) async throws -> any AgentStream {
        let id = UUID().uuidString
        let task = try FsTransferTask(json: body(id))
        let stream = TransferFakeStream(id: id, task: task, capacity: capacity)
        let error = state.withLock { state in
            if let script = state.script, state.error == nil {
                state.streams.append(stream)
                state.scripts.append(Task { try await script(stream) })
            }
            return state.error
        }
        if let error { throw error }
        guard purpose == .transfer, userID == nil, task.streamID == id else {
            throw AgentCallError.brokenStream("not the stream of a transfer")
        }
        return stream
    }

    func presence(of ids: [Int64]) async -> [Int64: AgentPresence] { [:] }
    func server(ofStream id: String, for claim: AgentStreamClaim) async -> Int64? { nil }

    func attachStream(_ id: String, for claim: AgentStreamClaim) async throws(AgentCallError) -> any AgentStream {
        throw .streamRefused
    }

    func announceStream(_ purpose: AgentStreamPurpose, owner: AgentStreamCredential) async throws -> String {
        throw AgentCallError.offline
    }

    func disconnect(server id: Int64, detach: Bool) async {}
    func call(_ type: AgentTaskType, body: String, timeout: Duration) async throws -> AgentTaskReply {
        throw AgentCallError.offline
    }
    func send(_ type: AgentTaskType, body: String) async throws(AgentCallError) { throw .offline }
}
