import Synchronization
import Transport

/// How many programs may run at once: each takes descriptors, of which the process has a limited number, and what the
/// agent itself needs of them must stay.
final class ProcessSlots: Sendable {
    /// Pipes in both directions, the wake pipe and what watches the child, as long as it runs and while it starts.
    static let descriptorsOfOne = 10
    /// Connections, files, log and measurements.
    static let reserved = 48
    /// However many descriptors there are: each program has a thread that watches it.
    static let most = 256

    /// Of all programs of the process. Made at the first one, after the limit was raised.
    static let shared = ProcessSlots(limit: limit(descriptors: DescriptorLimit.current))

    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int) {
        self.limit = limit
    }

    static func limit(descriptors: Int) -> Int {
        min(most, max(1, (descriptors - reserved) / descriptorsOfOne))
    }

    /// Takes a slot, to be given back by ``leave()``.
    /// - Throws: ``ProcessStartError/tooMany``.
    func enter() throws(ProcessStartError) {
        let isFull = used.withLock { used in
            guard used < limit else { return true }
            used += 1
            return false
        }
        if isFull { throw .tooMany }
    }

    func leave() {
        used.withLock { $0 -= 1 }
    }
}
