package import struct FoundationEssentials.Date

/// How often the same thing is told again (`engines.md` 5): at once, then not before 15 minutes, then after twice as long
/// each time, up to a day. Pure: whoever asks brings the time.
package struct MuteTable: Sendable {
    package struct Key: Sendable, Hashable {
        package var group: Int64
        package var subject: String

        package init(group: Int64, subject: String) {
            self.group = group
            self.subject = subject
        }
    }

    private struct Entry {
        var until: Date
        var wait: Double
    }

    static let firstWait = 900.0
    static let longestWait = 86_400.0
    /// A key that nobody asked for so long after its wait is forgotten.
    static let memory = 600.0
    /// Keys that are kept before those that are forgotten are cleared away.
    private static let sweepSize = 4096

    private var entries: [Key: Entry] = [:]

    package init() {}

    /// Whether it may be told now; if so, the wait begins.
    package mutating func allows(_ key: Key, at now: Date) -> Bool {
        guard let entry = entries[key], now <= entry.until.addingTimeInterval(Self.memory) else {
            if entries.count >= Self.sweepSize {
                entries = entries.filter { now <= $0.value.until.addingTimeInterval(Self.memory) }
            }
            entries[key] = Entry(until: now.addingTimeInterval(Self.firstWait), wait: Self.firstWait)
            return true
        }
        guard now >= entry.until else { return false }
        let wait = min(entry.wait * 2, Self.longestWait)
        entries[key] = Entry(until: now.addingTimeInterval(wait), wait: wait)
        return true
    }

    /// It has changed: the next time is told at once.
    package mutating func clear(_ key: Key) { entries[key] = nil }
}
