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

    func nextTask() async throws -> Proto_Task {
        guard let task = try await stream.outbox.next() else { throw NeverHappened() }
        return task
    }

    func answer(_ id: UInt64, _ type: AgentTaskType, _ data: String = "", successful: Bool = true) {
        let reply = AgentTaskReply(data: data, successful: successful)
        directory.receive(Proto_TaskResult(id: id, type: type, reply: reply), on: stream)
    }

    func answer(_ task: Proto_Task, _ data: String = "") {
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
        let end = OneShot<IOStreamSession.AgentEnd>()
        let session = try directory.attach(streamID: id, server: server ?? self.session.serverID, end: end)
        return AttachedStream(session: session, end: end)
    }

    func close() {
        session.closeTaskStream(stream)
    }
}

struct AttachedStream: Sendable {
    let session: IOStreamSession
    let end: OneShot<IOStreamSession.AgentEnd>
}

extension AgentServerLink {
    func openTerminal(user: Int64? = 1, timeout: Duration = .seconds(5)) async throws -> any AgentStream {
        try await openStream(.terminal, userID: user, attachTimeout: timeout) {
            StreamTask(streamID: $0).jsonText()
        }
    }
}
