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
