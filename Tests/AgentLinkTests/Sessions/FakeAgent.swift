import Transport

@testable import AgentLink

/// An agent inside the test: one task stream of a directory, without transport.
struct FakeAgent: Sendable {
    let directory: AgentDirectory
    let session: AgentSession
    let stream: TaskStream

    init(_ directory: AgentDirectory, server: Int64 = 1, extensions: AgentExtensions = []) throws {
        self.directory = directory
        session = try directory.session(of: server)
        stream = try session.openTaskStream(extensions)
    }

    func nextTask() async throws -> AgentTask {
        guard let task = try await stream.outbox.next() else { throw NeverHappened() }
        return task
    }

    func answer(_ id: UInt64, _ type: AgentTaskType, _ data: String = "", successful: Bool = true) {
        let reply = AgentTaskReply(data: data, successful: successful)
        directory.receive(AgentTaskResult(id: id, type: type, reply: reply), on: stream)
    }

    func answer(_ task: AgentTask, _ data: String = "") {
        guard let type = AgentTaskType(rawValue: task.type) else { return }
        answer(task.id, type, data)
    }

    /// Takes the announcement of a stream and attaches to it.
    @discardableResult
    func attachNext() async throws -> AttachedStream {
        let task = try await nextTask()
        return try attach(to: try StreamTask(json: task.data).streamID)
    }

    func attach(to id: String, as server: Int64? = nil) throws(IOStreamRefusal) -> AttachedStream {
        let end = Promise<IOStreamSession.AgentEnd>()
        let session = try directory.attach(streamID: id, server: server ?? self.session.serverID, end: end)
        return AttachedStream(session: session, end: end)
    }

    func close() {
        session.closeTaskStream(stream)
    }
}

/// The agent's side of a stream, as the `IOStream` call serves it: while the reader has not caught up, the agent is held
/// back.
final class AttachedStream: Sendable {
    let session: IOStreamSession
    let end: Promise<IOStreamSession.AgentEnd>
    private let room = Lock<Promise<Void>?>(nil)

    init(session: IOStreamSession, end: Promise<IOStreamSession.AgentEnd>) {
        self.session = session
        self.end = end
        session.whenReaderCaughtUp { [weak self] in self?.room.withLock { $0 }?.resolve(.success(())) }
    }

    /// Waits while it is held back.
    /// - Returns: `false` once nobody reads any more.
    func agentSent(_ frame: [UInt8]) async throws -> Bool {
        try await room.withLock { $0 }?.value()
        room.withLock { $0 = Promise() }
        switch session.agentSent(frame) {
        case .ended: return false
        case .full: return true
        case .taken:
            room.withLock { $0 = nil }
            return true
        }
    }
}

extension AgentServerLink {
    func openTerminal(user: Int64? = 1, timeout: Duration = .seconds(5)) async throws -> any AgentStream {
        try await openStream(.terminal, userID: user, attachTimeout: timeout) {
            StreamTask(streamID: $0).jsonText()
        }
    }
}

extension AgentTaskResult {
    init(id: UInt64, type: AgentTaskType, reply: AgentTaskReply) {
        self.init(id: id, type: type.rawValue, reply: reply)
    }
}
