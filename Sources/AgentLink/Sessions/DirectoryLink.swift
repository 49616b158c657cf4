/// The way to one attached agent of this process.
struct DirectoryLink: AgentServerLink {
    let session: AgentSession
    let directory: AgentDirectory

    var canCancel: Bool { session.taskStream?.extensions.contains(.cancel) ?? false }

    func call(_ type: AgentTaskType, body: String, timeout: Duration) async throws -> AgentTaskReply {
        let task = AgentTask(id: AgentTaskID.next(), type: type, data: body)
        let start = ContinuousClock.now
        try checkSize(task)
        let (stream, reply) = try expectReply(to: task, type)
        defer { stream.forget(id: task.id) }
        try await enqueue(task, on: stream, within: timeout)
        do {
            let rest = timeout - (ContinuousClock.now - start)
            return try await reply.value(within: rest)
        } catch is DeadlineExceeded {
            stop(task.id, type, on: stream)
            throw AgentCallError.timeout
        } catch is CancellationError {
            stop(task.id, type, on: stream)
            throw CancellationError()
        }
    }

    func send(_ type: AgentTaskType, id: UInt64, body: String) async throws(AgentCallError) {
        let task = AgentTask(id: id, type: type, data: body)
        try checkSize(task)
        // Whoever sends these serves many agents: one that takes none is not waited for.
        guard let stream = session.taskStream, stream.outbox.offer(task, cost: task.encodedSize) else { throw .offline }
    }

    func send(
        _ type: AgentTaskType, body: String, awaitingReplyFor patience: Duration
    ) async throws -> AgentTaskReply? {
        let task = AgentTask(id: AgentTaskID.next(), type: type, data: body)
        try checkSize(task)
        let (stream, reply) = try expectReply(to: task, type)
        defer { stream.forget(id: task.id) }
        try await enqueue(task, on: stream, within: patience)
        do {
            return try await reply.value(within: patience)
        } catch is DeadlineExceeded {
            return nil
        } catch AgentCallError.offline {
            return nil
        }
    }

    func openStream(
        _ purpose: AgentStreamPurpose, userID: Int64?, attachTimeout: Duration,
        body: @Sendable (_ streamID: String) -> String
    ) async throws -> any AgentStream {
        try Task.checkCancellation()
        guard session.taskStream != nil else { throw AgentCallError.offline }
        let stream = try directory.register(purpose, userID: userID, on: session)
        do {
            let task = AgentTask(id: AgentTaskID.next(), type: purpose.taskType, data: body(stream.id))
            try checkSize(task)
            guard let taskStream = session.taskStream else { throw AgentCallError.offline }
            try await enqueue(task, on: taskStream, within: attachTimeout)
            try await stream.waitForAgent(attachTimeout)
            return DirectoryStream(session: stream)
        } catch {
            stream.handle(.clientClosed)
            throw error
        }
    }

    func announceStream(_ purpose: AgentStreamPurpose, owner: AgentStreamCredential) async throws -> String {
        try Task.checkCancellation()
        guard session.taskStream != nil else { throw AgentCallError.offline }
        let stream = try directory.register(purpose, userID: owner.userID, owner: owner, on: session)
        do {
            let body = StreamTask(streamID: stream.id).jsonText()
            let task = AgentTask(id: AgentTaskID.next(), type: purpose.taskType, data: body)
            guard let taskStream = session.taskStream else { throw AgentCallError.offline }
            try await enqueue(task, on: taskStream, within: directory.configuration.sendTimeout)
            stream.awaitClient()
            return stream.id
        } catch {
            stream.handle(.clientClosed)
            throw error
        }
    }

    private func checkSize(_ task: AgentTask) throws(AgentCallError) {
        let size = task.encodedSize
        guard size <= AgentTask.sizeLimit else {
            throw .payloadTooLarge(bytes: size, limit: AgentTask.sizeLimit)
        }
    }

    /// Finds the current stream and a place for the reply on it. A stream that ended in between is not used: then a
    /// newer one is current, or none.
    private func expectReply(
        to task: AgentTask, _ type: AgentTaskType
    ) throws(AgentCallError) -> (TaskStream, Promise<AgentTaskReply>) {
        while let stream = session.taskStream {
            if let reply = stream.expect(id: task.id, type: type) { return (stream, reply) }
            guard session.taskStream !== stream else { break }
        }
        throw .offline
    }

    /// Queues a task. An agent that takes none for too long counts as offline, and holds nobody else back.
    private func enqueue(_ task: AgentTask, on stream: TaskStream, within timeout: Duration) async throws {
        try Task.checkCancellation()
        let cost = task.encodedSize
        if stream.outbox.offer(task, cost: cost) { return }
        let limit = min(timeout, directory.configuration.sendTimeout)
        do {
            try await withDeadline(limit) { try await stream.outbox.send(task, cost: cost) }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw AgentCallError.offline
        }
    }

    /// Nobody waits for task `id` any more: an agent that understands it is told to stop (`agent-link.md` 6).
    private func stop(_ id: UInt64, _ type: AgentTaskType, on stream: TaskStream) {
        guard stream.extensions.contains(.cancel), type.isStoppable else { return }
        let task = AgentTask(id: 0, type: .cancel, data: CancelTask(id: id).jsonText())
        _ = stream.outbox.offer(task, cost: task.encodedSize, reserve: 64)
    }
}

extension AgentTaskType {
    /// Whether stopping this work half way is what its caller wants.
    fileprivate var isStoppable: Bool {
        switch self {
        case .exec, .fsList, .fsRead, .fsWrite, .fsDelete: true
        default: false
        }
    }
}
