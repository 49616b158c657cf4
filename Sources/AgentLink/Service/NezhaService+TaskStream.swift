import GRPCCore

extension NezhaService {
    /// Tasks out, results in. The initial metadata goes at once, so that an agent that knows extensions need not wait
    /// for its first task (`agent-link-details.md` 6).
    func requestTask(
        request: StreamingServerRequest<Proto_TaskResult>, context: ServerContext
    ) async throws -> StreamingServerResponse<Proto_Task> {
        let (_, session) = try await admit(request.metadata, context)
        let names = Array(request.metadata[stringValues: AgentExtensions.metadataKey]).joined(separator: ",")
        let extensions = AgentExtensions(header: names).intersection(.known)
        var metadata = Metadata()
        if !extensions.isEmpty { metadata.addString(extensions.header, forKey: AgentExtensions.metadataKey) }
        return StreamingServerResponse(metadata: metadata) { writer in
            try await serveTasks(of: session, extensions, from: request.messages, to: writer)
            return [:]
        }
    }

    /// Ends when the agent half-closes, when its call is lost, and when the directory ends the stream. The queue of
    /// tasks is bounded by the directory; results are handled one by one, which holds back an agent that floods.
    private func serveTasks(
        of session: AgentSession, _ extensions: AgentExtensions,
        from results: RPCAsyncSequence<Proto_TaskResult, any Error>, to writer: RPCWriter<Proto_Task>
    ) async throws {
        let stream: TaskStream
        do throws(AgentStreamEnd) {
            stream = try session.openTaskStream(extensions)
        } catch {
            throw RPCError(error)
        }
        defer { session.closeTaskStream(stream) }
        try await withRPCCancellationHandler {
            try await firstToEnd([
                { try await read(results, on: stream) },
                { try await write(tasksOf: stream, to: writer) },
                { try await keepAlive(stream) },
                { throw RPCError(try await stream.ended.value()) },
            ])
        } onCancelRPC: {
            stream.end(.disconnected)
        }
    }

    private func read(_ results: RPCAsyncSequence<Proto_TaskResult, any Error>, on stream: TaskStream) async throws {
        for try await result in results {
            do throws(OversizeMessage) {
                try directory.checkSize(result.data.utf8.count, server: stream.serverID)
            } catch {
                throw RPCError(error)
            }
            directory.receive(result, on: stream)
        }
    }

    private func write(tasksOf stream: TaskStream, to writer: RPCWriter<Proto_Task>) async throws {
        do {
            while let task = try await stream.outbox.next() {
                try await withDeadline(configuration.sendTimeout) { try await writer.write(task) }
            }
        } catch let end as AgentStreamEnd {
            throw RPCError(end)
        } catch is DeadlineExceeded {
            throw RPCError(AgentStreamEnd.stalled)
        }
    }

    /// An agent whose queue is full has more to read than a keep-alive.
    private func keepAlive(_ stream: TaskStream) async throws {
        let task = Proto_Task(id: 0, type: .keepalive, data: "")
        var pause = KeepaliveRhythm.first(server: stream.serverID, every: configuration.taskKeepalive)
        while true {
            try await Task.sleep(for: pause)
            _ = stream.outbox.offer(task, cost: task.encodedSize)
            pause = configuration.taskKeepalive
        }
    }
}
