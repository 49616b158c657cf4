import Synchronization

/// How often a tool was called since the start, what came of it and how long it took. Counted by whoever calls, read for
/// `/metrics`; three atomic additions a call.
package final class CallStatistics: Sendable {
    /// A moment's values.
    package struct Snapshot: Sendable, Hashable {
        /// By ``ToolOutcome``, those that occurred.
        package var outcomes: [ToolOutcome: UInt64]
        /// Calls that took no longer than each of ``bounds``, and all of them at the end.
        package var buckets: [UInt64]
        /// Of all calls.
        package var seconds: Double
    }

    /// Upper ends of the buckets.
    package static let bounds: [Duration] = [
        .milliseconds(1), .milliseconds(5), .milliseconds(25), .milliseconds(100), .milliseconds(500), .seconds(2),
        .seconds(10), .seconds(60),
    ]

    private let outcomes = Counters(ToolOutcome.allCases.count)
    private let buckets = Counters(CallStatistics.bounds.count + 1)
    private let microseconds = Atomic<UInt64>(0)

    func count(_ outcome: ToolOutcome, _ duration: Duration) {
        if let index = Self.indices[outcome] { outcomes.add(index) }
        buckets.add(Self.bounds.firstIndex { duration <= $0 } ?? Self.bounds.count)
        microseconds.add(UInt64(max(0, duration / .microseconds(1))), ordering: .relaxed)
    }

    var snapshot: Snapshot {
        let counts = outcomes.values
        let known = ToolOutcome.allCases.compactMap { outcome in
            Self.indices[outcome].map { (outcome, counts[$0]) }
        }
        var sum: UInt64 = 0
        return Snapshot(
            outcomes: Dictionary(uniqueKeysWithValues: known.filter { $0.1 > 0 }),
            buckets: buckets.values.map { count in
                sum += count
                return sum
            }, seconds: Double(microseconds.load(ordering: .relaxed)) / 1e6)
    }

    private static let indices = Dictionary(
        uniqueKeysWithValues: ToolOutcome.allCases.enumerated().map { ($1, $0) })
}

/// Counters in a row; each is one word that several threads add to.
private final class Counters: Sendable {
    private final class Counter: Sendable {
        let value = Atomic<UInt64>(0)
    }

    private let counters: [Counter]

    init(_ count: Int) { counters = (0..<count).map { _ in Counter() } }

    func add(_ index: Int) { counters[index].value.add(1, ordering: .relaxed) }

    var values: [UInt64] { counters.map { $0.value.load(ordering: .relaxed) } }
}
