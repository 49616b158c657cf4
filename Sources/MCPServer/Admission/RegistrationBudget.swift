import Synchronization

import struct FoundationEssentials.Date

/// How fast one owner's new servers may come: twelve thousand at once, as when a large fleet comes for the first time,
/// then fifty a second.
final class RegistrationBudget: Sendable {
    static let burst = 12_000.0
    static let perSecond = 50.0

    private struct Bucket {
        var left: Double
        var filled: Date
    }

    /// By owner; of users that exist, so bounded by their number.
    private let buckets = Mutex<[Int64: Bucket]>([:])

    /// By owner: new servers that are being stored, which nobody sees yet.
    private let underway = Mutex<[Int64: Int]>([:])

    /// Takes a place for one more server, to be given back by ``end(for:)`` when it can be seen or did not come about.
    /// - Parameter count: of the owner's servers that are seen; asked for while no other place is taken.
    /// - Returns: whether it stays within `limit`, with all that are underway.
    func begin(for owner: Int64, limit: Int, count: () -> Int) -> Bool {
        underway.withLock { underway in
            guard count() + underway[owner, default: 0] < limit else { return false }
            underway[owner, default: 0] += 1
            return true
        }
    }

    func end(for owner: Int64) {
        underway.withLock { underway in
            let left = underway[owner, default: 1] - 1
            underway[owner] = left > 0 ? left : nil
        }
    }

    func take(for owner: Int64, at now: Date) -> Bool {
        buckets.withLock { buckets in
            var bucket = buckets[owner] ?? Bucket(left: Self.burst, filled: now)
            let passed = max(0, now.timeIntervalSince(bucket.filled))
            bucket.left = min(Self.burst, bucket.left + passed * Self.perSecond)
            bucket.filled = now
            defer { buckets[owner] = bucket }
            guard bucket.left >= 1 else { return false }
            bucket.left -= 1
            return true
        }
    }
}
