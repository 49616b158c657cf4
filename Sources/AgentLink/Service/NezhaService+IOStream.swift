import GRPCCore

extension NezhaService {
    /// Joins an agent to the stream that its first frame names. Generic, so that it fulfils the generated protocol and
    /// is served with the codec of ``IOStreamFrame``.
    func ioStream<Message: IOStreamMessage>(
        request: StreamingServerRequest<Message>, context: ServerContext
    ) async throws -> StreamingServerResponse<Message> {
        let (identity, _) = try await admit(request.metadata, context)
        return StreamingServerResponse { writer in
            try await serveStream(server: identity.serverID, from: request.messages, to: writer)
            return [:]
        }
    }

    /// Ends, with OK, as soon as either side has ended the stream (`agent-link-details.md` 3), and when the call is
    /// lost. Both directions are bounded by the session's mailboxes.
    private func serveStream<Message: IOStreamMessage>(
        server: Int64, from frames: RPCAsyncSequence<Message, any Error>, to writer: RPCWriter<Message>
    ) async throws {
        let attached = OneShot<IOStreamSession>()
        let end = OneShot<IOStreamSession.AgentEnd>()
        do {
            try await withRPCCancellationHandler {
                try await firstToEnd([
                    { try await read(frames, server: server, attached: attached, end: end) },
                    { try await write(to: writer, attached: attached) },
                    { try await keepAlive(attached) },
                    {
                        if case .afterDraining = try await end.value() {
                            try await Task.sleep(for: configuration.linger)
                            try await attached.value().handle(.lingerDeadline)
                        }
                    },
                ])
            } onCancelRPC: {
                end.resolve(.success(.now))
            }
        } catch let refusal as IOStreamRefusal {
            directory.refused(refusal, server: server)
            throw RPCError(refusal)
        }
    }

    /// Reads the attach frame, then hands on the data. Waits where the user's side is slow, which stops the reading.
    private func read(
        _ frames: RPCAsyncSequence<some IOStreamMessage, any Error>, server: Int64,
        attached: OneShot<IOStreamSession>, end: OneShot<IOStreamSession.AgentEnd>
    ) async throws {
        var session: IOStreamSession?
        // On every way out; after an end that was handled already this changes nothing.
        defer { session?.handle(.rpcEnded) }
        do {
            for try await message in frames {
                try directory.checkSize(message.frame.count, server: server)
                if let session {
                    guard try await session.agentSent(message.frame) else { return }
                    continue
                }
                guard let id = StreamAttachFrame.streamID(in: message.frame) else { throw IOStreamRefusal.invalidID }
                let found = try directory.attach(streamID: id, server: server, end: end)
                session = found
                attached.resolve(.success(found))
            }
        } catch let refusal as IOStreamRefusal {
            throw refusal
        } catch let error as OversizeMessage {
            session?.handle(.agentFailed)
            throw RPCError(error)
        } catch {
            session?.handle(.agentFailed)
            throw error
        }
        guard let session else { throw IOStreamRefusal.invalidID }
        if !Task.isCancelled { session.handle(.agentEnded) }
    }

    /// Sends what the user's side sends. Refuses an agent that does not say in time which stream it opened.
    private func write<Message: IOStreamMessage>(
        to writer: RPCWriter<Message>, attached: OneShot<IOStreamSession>
    ) async throws {
        let session: IOStreamSession
        do {
            session = try await withDeadline(configuration.firstFrameTimeout) { try await attached.value() }
        } catch is DeadlineExceeded {
            throw IOStreamRefusal.invalidID
        }
        do {
            while let frame = try await session.outbound.next() {
                try await writer.write(Message(frame))
            }
        } catch is AgentCallError {
            // The session ended the agent's call.
        }
    }

    private func keepAlive(_ attached: OneShot<IOStreamSession>) async throws {
        let session = try await attached.value()
        while true {
            try await Task.sleep(for: configuration.streamKeepalive)
            session.handle(.keepaliveDue)
        }
    }
}
