import Synchronization

/// How many transfers may run at a time, over all servers (`mcp.md` 10.3 row 31). One user has only a share of them, so
/// that slow clients of theirs leave places for others.
final class TransferSlots: Sendable {
    /// A place that is taken. Given back when released or dropped.
    final class Slot: Sendable {
        private let slots: TransferSlots
        private let user: Int64
        private let isTaken = Atomic(true)

        fileprivate init(_ slots: TransferSlots, user: Int64) {
            self.slots = slots
            self.user = user
        }

        deinit { release() }

        func release() {
            if isTaken.exchange(false, ordering: .acquiringAndReleasing) { slots.giveBack(of: user) }
        }
    }

    enum Refusal: Error, Sendable, Hashable {
        case allTaken
        case userHasShare
    }

    private struct State {
        var total = 0
        var byUser: [Int64: Int] = [:]
    }

    private let capacity: Int
    private let share: Int
    private let state = Mutex(State())

    /// - Parameter share: places that one user may have of `capacity`.
    init(capacity: Int, share: Int) {
        self.capacity = capacity
        self.share = share
    }

    var inUse: Int { state.withLock { $0.total } }

    func take(user: Int64) throws(Refusal) -> Slot {
        let refusal: Refusal? = state.withLock { state in
            guard state.total < capacity else { return .allTaken }
            guard state.byUser[user, default: 0] < share else { return .userHasShare }
            state.total += 1
            state.byUser[user, default: 0] += 1
            return nil
        }
        if let refusal { throw refusal }
        return Slot(self, user: user)
    }

    private func giveBack(of user: Int64) {
        state.withLock { state in
            state.total -= 1
            let left = state.byUser[user, default: 1] - 1
            state.byUser[user] = left > 0 ? left : nil
        }
    }
}
