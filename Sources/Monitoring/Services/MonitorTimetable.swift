/// When each monitor is due. Pure; times are Unix seconds.
///
/// The first look is one interval after a monitor is saved. Those that are there at the start begin at different moments
/// of their first interval, so that a thousand of them never fire at once.
struct MonitorTimetable: Sendable {
    private struct Entry {
        var interval: Double
        var next: Double
    }

    private var entries: [Int64: Entry] = [:]

    /// - Parameter isNew: whether it was saved just now.
    mutating func set(_ id: Int64, every interval: Int64, isNew: Bool, at now: Double) {
        let interval = Double(max(1, interval))
        let share = Self.share(of: id)
        // Saved ones differ by less than a second.
        let first = isNew ? interval + share : interval * (1 - share)
        entries[id] = Entry(interval: interval, next: now + first)
    }

    mutating func remove(_ id: Int64) { entries[id] = nil }

    /// The monitors that are due, each for its next time from then on.
    mutating func due(at now: Double) -> [Int64] {
        var due: [Int64] = []
        for (id, entry) in entries where entry.next <= now || entry.next > now + 2 * entry.interval {
            due.append(id)
            // What a pause or a clock that was set has passed over is not made up for.
            let regular = entry.next + entry.interval
            entries[id]?.next = regular > now && entry.next <= now ? regular : now + entry.interval
        }
        return due.sorted()
    }

    /// 0..<1, spread evenly over consecutive ids.
    private static func share(of id: Int64) -> Double {
        let product = Double(id) * 0.618_033_988_749_895
        return product - product.rounded(.down)
    }
}
