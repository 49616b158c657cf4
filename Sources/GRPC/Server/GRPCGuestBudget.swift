import Synchronization

/// What the calls of clients without a credential may hold together, on all loops.
final class GRPCGuestBudget: Sendable {
    /// What one call has of it, in bytes.
    struct Share {
        fileprivate(set) var bytes = 0
    }

    private let limit: Int
    private let held = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    var heldBytes: Int { held.load(ordering: .relaxed) }

    /// - Returns: whether all shares together are within the limit.
    func set(_ share: inout Share, to bytes: Int) -> Bool {
        let sum = held.add(bytes - share.bytes, ordering: .relaxed).newValue
        let grows = bytes > share.bytes
        share.bytes = bytes
        return !grows || sum <= limit
    }

    func give(_ share: inout Share) {
        held.subtract(share.bytes, ordering: .relaxed)
        share.bytes = 0
    }
}
