import Synchronization

/// How much of one user runs at a time: calls that wait for agents hold what they were given, so that somebody with many
/// tokens could fill the memory. Parts of a larger call count with that.
final class RunningCalls: Sendable {
    struct Limits: Sendable, Hashable {
        /// More than any client keeps open.
        var calls = 1024
        /// Bytes of requests: thirty of the largest size.
        var bytes = 256 << 20
    }

    private struct Share {
        var calls = 0
        var bytes = 0
    }

    private let limits: Limits
    private let shares = Mutex<[Int64: Share]>([:])

    init(_ limits: Limits = Limits()) { self.limits = limits }

    /// - Returns: whether the call may begin; ``leave(_:bytes:)`` must follow then. The first of a user always may.
    func admit(_ user: Int64, bytes: Int) -> Bool {
        shares.withLock { shares in
            var share = shares[user] ?? Share()
            share.calls += 1
            share.bytes += bytes
            guard share.calls == 1 || share.calls <= limits.calls && share.bytes <= limits.bytes else { return false }
            shares[user] = share
            return true
        }
    }

    func leave(_ user: Int64, bytes: Int) {
        shares.withLock { shares in
            guard var share = shares[user] else { return }
            share.calls -= 1
            share.bytes -= bytes
            shares[user] = share.calls > 0 ? share : nil
        }
    }

    /// How many users have calls that run.
    var users: Int { shares.withLock { $0.count } }
}
