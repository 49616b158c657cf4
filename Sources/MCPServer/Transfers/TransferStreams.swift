import AgentLink

/// Opens the agents' streams of transfers (`mcp.md` 7.3).
struct TransferStreams: Sendable {
    let network: any AgentNetwork
    let configuration: TransferConfiguration

    /// Runs `work` on a stream of its own, which is closed whatever comes of it.
    /// - Throws: ``ToolFailure`` in the words of the contract; ``AbandonedAgentWork`` when the call was stopped or the client
    ///   left while the agent was at work.
    func run<T: Sendable>(
        _ task: FsTransferTask, on server: Int64, _ work: (any AgentStream) async throws -> T
    ) async throws -> T {
        let stream: any AgentStream
        do {
            stream = try await network.link(to: server).openStream(
                .transfer, userID: nil, attachTimeout: configuration.attachTimeout
            ) { id in
                var task = task
                task.streamID = id
                return task.jsonText()
            }
        } catch {
            throw Self.failure(error)
        }
        do {
            let result = try await work(stream)
            await stream.close()
            return result
        } catch {
            await stream.close()
            // What was stopped may report the closed stream instead. Every agent ends a transfer with its stream, so
            // unlike a command it never goes on (`agent-link.md` 6).
            if Task.isCancelled || error is CancellationError || (error as? RelayFailure)?.kind == .clientGone {
                throw AbandonedAgentWork(reason: .cancelled, end: .streamClosed)
            }
            throw Self.failure(error)
        }
    }

    /// What an error of a stream or its relay means (`mcp.md` 7.3, 7.5 and 7.6).
    private static func failure(_ error: any Error) -> any Error {
        switch error {
        case let failure as RelayFailure:
            let text = Message(verbatim: failure.text)
            return failure.kind == .noAnswer ? ToolFailure.told(text, .agentTimeout) : .agentError(failure.text)
        case AgentCallError.offline: return ToolFailure.told("server offline", .serverOffline)
        case AgentCallError.notAttached(let seconds):
            return ToolFailure.told("agent did not attach within \(seconds)s", .agentTimeout)
        case AgentCallError.tooManyStreams(let text), AgentCallError.streamExpired(let text):
            return ToolFailure.agentError(text)
        default: return error
        }
    }
}

/// What both relays hear of the agent.
protocol AgentStreamEvent: Sendable {
    /// One message, whole.
    static func message(_ message: [UInt8]) -> Self
    /// The agent ended the stream.
    static var ended: Self { get }
    /// The stream broke, or a read failed.
    static func broken(_ text: String) -> Self
}

extension AgentStream {
    /// - Throws: `CancellationError` when stopped, and nothing else.
    func nextEvent<Event: AgentStreamEvent>() async throws -> Event {
        do {
            guard let message = try await receive() else { return .ended }
            return .message(message)
        } catch let error as CancellationError {
            throw error
        } catch {
            return .broken(error.streamText)
        }
    }
}

extension Error {
    /// Why a stream broke, in words for the client.
    var streamText: String {
        switch self as any Error {
        case AgentCallError.brokenStream(let text): text
        case AgentCallError.offline: "agent offline"
        case AgentCallError.timeout: "time out"
        default: "the stream broke"
        }
    }
}
