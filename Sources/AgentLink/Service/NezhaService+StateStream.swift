import GRPCCore

extension NezhaService {
    /// One receipt for each state. An agent sends the next only after it, so nothing queues here.
    func reportSystemState(
        request: StreamingServerRequest<Proto_State>, context: ServerContext
    ) async throws -> StreamingServerResponse<Proto_Receipt> {
        let (_, session) = try await admit(request.metadata, context)
        return StreamingServerResponse { writer in
            try await serveStates(of: session, from: request.messages, to: writer)
            return [:]
        }
    }

    /// Ends when the agent half-closes, when its call is lost, and when the directory ends the stream.
    private func serveStates(
        of session: AgentSession, from states: RPCAsyncSequence<Proto_State, any Error>,
        to writer: RPCWriter<Proto_Receipt>
    ) async throws {
        do {
            let stream = try session.openStateStream()
            defer { session.closeStateStream(stream) }
            try await withRPCCancellationHandler {
                try await firstToEnd([
                    {
                        for try await state in states {
                            try session.report(HostState(state), on: stream)
                            try await writer.write(.accepted)
                        }
                    },
                    { throw try await stream.ended.value() },
                ])
            } onCancelRPC: {
                stream.end(.disconnected)
            }
        } catch let end as AgentStreamEnd {
            throw RPCError(end)
        }
    }
}
