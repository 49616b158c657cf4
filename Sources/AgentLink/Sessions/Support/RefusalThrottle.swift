/// Decides which refusals are worth a line: the first of a source and reason at once, the repeats as one number when
/// their time is up. However many sources there are, memory and lines per interval are bounded. No clock inside.
struct RefusalThrottle {
    struct Source: Hashable {
        /// Who: an address, or a server.
        var peer: String
        var reason: String
    }

    enum Line: Equatable {
        /// The first refusal of a source, or of this interval.
        case first(Source)
        /// So many more of a source followed the line about it.
        case repeated(Source, count: UInt64)
        /// So many came from sources for which there was no room.
        case crowded(count: UInt64)
    }

    private struct Entry {
        var since: ContinuousClock.Instant
        var repeats: UInt64 = 0
    }

    let interval: Duration
    let capacity: Int
    private var entries: [Source: Entry] = [:]
    private var crowd: UInt64 = 0
    private var swept: ContinuousClock.Instant?

    /// - Parameters:
    ///   - interval: for how long one line speaks for a source.
    ///   - capacity: sources known at a time; each is one line per interval at most.
    init(interval: Duration = .seconds(600), capacity: Int = 1024) {
        self.interval = interval
        self.capacity = capacity
    }

    var count: Int { entries.count }

    /// - Returns: the lines to write now, older news first.
    mutating func refused(_ source: Source, at now: ContinuousClock.Instant) -> [Line] {
        var lines = sweep(at: now)
        if entries[source] != nil {
            entries[source]?.repeats += 1
        } else if entries.count < capacity {
            entries[source] = Entry(since: now)
            lines.append(.first(source))
        } else {
            crowd += 1
        }
        return lines
    }

    /// Forgets sources whose time is up and tells of their repeats. Looks at most sixteen times per interval, so that a
    /// flood does not pay for a walk over the table with each refusal.
    private mutating func sweep(at now: ContinuousClock.Instant) -> [Line] {
        if let swept, swept.duration(to: now) < interval / 16 { return [] }
        swept = now
        var lines: [Line] = []
        for (source, entry) in entries where entry.since.duration(to: now) >= interval {
            entries[source] = nil
            if entry.repeats > 0 { lines.append(.repeated(source, count: entry.repeats)) }
        }
        if crowd > 0 {
            lines.append(.crowded(count: crowd))
            crowd = 0
        }
        return lines
    }
}
