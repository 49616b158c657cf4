import AgentLink
import Synchronization

/// How much work may hold: whoever brings more waits until some of it has ended.
final class ByteBudget: Sendable {
    private struct State {
        var used = 0
        var room: Promise<Void>?
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: bytes, or whatever is counted. What is held may be more by one piece, and by what is added without
    ///   waiting.
    init(limit: Int) {
        self.limit = limit
    }

    var used: Int { state.withLock { $0.used } }

    /// Adds bytes when there is room for any, or when the waiting task is cancelled.
    func enter(_ bytes: Int) async {
        while true {
            let room = state.withLock { state -> Promise<Void>? in
                guard state.used >= limit, !Task.isCancelled else {
                    state.used += bytes
                    return nil
                }
                let room = state.room ?? Promise()
                state.room = room
                return room
            }
            guard let room else { return }
            try? await room.value()
        }
    }

    /// Adds what is there already, room or not.
    func add(_ bytes: Int) {
        state.withLock { $0.used += bytes }
    }

    func leave(_ bytes: Int) {
        let room = state.withLock { state -> Promise<Void>? in
            state.used -= bytes
            guard state.used < limit else { return nil }
            defer { state.room = nil }
            return state.room
        }
        room?.resolve(.success(()))
    }
}
