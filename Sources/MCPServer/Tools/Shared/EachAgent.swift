import AgentLink

/// How each server of a call that tells many agents something took it (`rest.md` 4, Task answer).
struct TaskAnswer: Encodable, Sendable, Equatable {
    var success: [Int64]?
    var failure: [Int64]?
    var offline: [Int64]?
}

/// Sends one task each to many agents, so many at a time.
///
/// The task counts as done when it was sent (`rest.md` 4 knows no more), unless the agent refuses it within ``patience``.
struct EachAgent: Sendable {
    private enum Outcome: Sendable {
        case success
        case failure
        case offline
    }

    static let concurrency = 256
    /// How long an agent is given to refuse, or to take the task from a full queue.
    static let patience = Duration.seconds(3)
    /// Longer than 10,000 servers, the most that the schemas allow, take of which none answers.
    static let deadline = Duration.seconds(180)

    let network: any AgentNetwork

    /// - Parameters:
    ///   - ids: the servers, each once.
    ///   - isAllowed: asked when a server's turn has come, as rights may have changed since; one that is refused then
    ///     counts as offline.
    /// - Returns: the ids in the order they were given.
    /// - Throws: `CancellationError`; servers whose turn had not come were sent nothing then.
    func send(
        _ type: AgentTaskType, body: String, to ids: [Int64], isAllowed: @escaping @Sendable (Int64) -> Bool
    ) async throws -> TaskAnswer {
        let outcomes = try await Fanout.each(of: ids, atOnce: Self.concurrency) { id in
            isAllowed(id) ? try await outcome(type, body, on: id) : .offline
        }
        func all(_ wanted: Outcome) -> [Int64]? {
            zip(ids, outcomes).filter { $1 == wanted }.map { id, _ in id }.nonEmpty
        }
        return TaskAnswer(success: all(.success), failure: all(.failure), offline: all(.offline))
    }

    private func outcome(_ type: AgentTaskType, _ body: String, on id: Int64) async throws -> Outcome {
        do {
            let link = try await network.link(to: id)
            let reply = try await link.send(type, body: body, awaitingReplyFor: Self.patience)
            return reply?.successful ?? true ? .success : .failure
        } catch AgentCallError.offline {
            return .offline
        } catch is AgentCallError {
            return .failure
        }
    }
}
