import Synchronization

/// How many transfers may run at a time, over all servers (`mcp.md` 10.3 row 31).
final class TransferSlots: Sendable {
    /// A place that is taken. Given back when released or dropped.
    final class Slot: Sendable {
        private let slots: TransferSlots
        private let isTaken = Atomic(true)

        fileprivate init(_ slots: TransferSlots) { self.slots = slots }

        deinit { release() }

        func release() {
            if isTaken.exchange(false, ordering: .acquiringAndReleasing) {
                slots.taken.withLock { $0 -= 1 }
            }
        }
    }

    private let capacity: Int
    fileprivate let taken = Mutex(0)

    init(capacity: Int) { self.capacity = capacity }

    var inUse: Int { taken.withLock { $0 } }

    /// `nil` when all are taken.
    func take() -> Slot? {
        let granted = taken.withLock { taken in
            guard taken < capacity else { return false }
            taken += 1
            return true
        }
        return granted ? Slot(self) : nil
    }
}
