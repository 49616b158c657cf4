/// Bytes by server and hour (`engines.md` 1). Pure.
struct TrafficLedger: Sendable {
    struct Hour: Sendable, Equatable {
        var server: Int64
        /// When it began, Unix seconds.
        var start: Int64
        var bytesIn: UInt64
        var bytesOut: UInt64
    }

    private struct Sums: Sendable {
        var bytesIn: UInt64 = 0
        var bytesOut: UInt64 = 0
    }

    private var hours: [Int64: [Int64: Sums]] = [:]
    /// What has changed since it was stored.
    private var changed: [Int64: Set<Int64>] = [:]

    mutating func restore(_ hour: Hour) {
        hours[hour.server, default: [:]][hour.start, default: Sums()].bytesIn &+= hour.bytesIn
        hours[hour.server, default: [:]][hour.start, default: Sums()].bytesOut &+= hour.bytesOut
    }

    mutating func add(server: Int64, bytesIn: UInt64, bytesOut: UInt64, at instant: Int64) {
        guard bytesIn > 0 || bytesOut > 0 else { return }
        let start = instant - instant % 3600
        hours[server, default: [:]][start, default: Sums()].bytesIn &+= bytesIn
        hours[server, default: [:]][start, default: Sums()].bytesOut &+= bytesOut
        changed[server, default: []].insert(start)
    }

    /// Bytes of the hours from that in which `since` lies on.
    func sum(of server: Int64, since: Int64) -> (bytesIn: UInt64, bytesOut: UInt64) {
        let first = since - since % 3600
        var sums = Sums()
        for (start, hour) in hours[server] ?? [:] where start >= first {
            sums.bytesIn &+= hour.bytesIn
            sums.bytesOut &+= hour.bytesOut
        }
        return (sums.bytesIn, sums.bytesOut)
    }

    /// The hours that have to be stored; they count as stored from then on.
    mutating func takeChanged() -> [Hour] {
        defer { changed = [:] }
        var found: [Hour] = []
        for (server, starts) in changed {
            for start in starts {
                guard let sums = hours[server]?[start] else { continue }
                found.append(Hour(server: server, start: start, bytesIn: sums.bytesIn, bytesOut: sums.bytesOut))
            }
        }
        return found.sorted { ($0.server, $0.start) < ($1.server, $1.start) }
    }

    /// They could not be stored after all.
    mutating func markChanged(_ unstored: [Hour]) {
        for hour in unstored { changed[hour.server, default: []].insert(hour.start) }
    }

    /// Forgets the hours of a server before that in which `start` lies; all of them without one.
    /// - Returns: when those began that are forgotten.
    mutating func forget(server: Int64, before start: Int64?) -> [Int64] {
        let first = start.map { $0.flooredDivision(by: 3600) * 3600 }
        let old = (hours[server] ?? [:]).keys.filter { hour in first.map { hour < $0 } ?? true }
        for hour in old {
            hours[server]?[hour] = nil
            changed[server]?.remove(hour)
        }
        return old.sorted()
    }

    mutating func remove(server: Int64) { (hours[server], changed[server]) = (nil, nil) }
}
