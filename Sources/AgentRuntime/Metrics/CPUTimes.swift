/// Ticks of all processors since boot, from the first line of `/proc/stat`.
struct CPUTimes: Sendable, Equatable {
    var busy: UInt64
    var total: UInt64

    /// - Parameter stat: the text of `/proc/stat`.
    init?(stat: String) {
        guard let line = stat.lines.lazy.compactMap({ $0.after("cpu ") }).first else { return nil }
        // user nice system idle iowait irq softirq steal; the guest times behind are part of user and nice.
        let ticks = line.words.prefix(8).compactMap { UInt64($0) }
        guard ticks.count >= 4 else { return nil }
        total = ticks.reduce(0, &+)
        busy = total &- ticks[3] &- (ticks.count > 4 ? ticks[4] : 0)
    }

    /// Percent of the time since `earlier`; 0 when no tick passed or a counter went back.
    func percent(since earlier: CPUTimes) -> Double {
        guard total > earlier.total, busy >= earlier.busy else { return 0 }
        return min(100, Double(busy - earlier.busy) / Double(total - earlier.total) * 100)
    }

    /// Unix seconds of the boot, from the line `btime` of `/proc/stat`.
    static func bootTime(stat: String) -> UInt64? {
        stat.lines.lazy.compactMap { $0.after("btime ") }.first.flatMap { UInt64($0) }
    }
}
