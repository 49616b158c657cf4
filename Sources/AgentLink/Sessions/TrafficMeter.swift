/// Bytes in and out since the last report.
package struct TrafficGrowth: Sendable, Hashable {
    package var bytesIn: UInt64
    package var bytesOut: UInt64

    package init(bytesIn: UInt64 = 0, bytesOut: UInt64 = 0) {
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
    }
}

/// Makes growth of the counters that an agent reports, which are bytes since the machine's boot (`engines-details.md`
/// 1). Pure: nothing is counted twice, and nothing that was counted by the machine is lost.
///
/// - The first state since the start is the baseline: the counters so far are not growth.
/// - A later boot time followed by lower counters is a reboot: all that the new counters say is growth.
/// - A later boot time alone is jitter of a virtual machine; lower counters alone are a change of interfaces, whose
///   new values are a new baseline.
struct TrafficMeter: Sendable, Equatable {
    private var last: TrafficGrowth?
    private var bootTime: UInt64 = 0
    private var mayHaveRebooted = false

    mutating func host(bootTime: UInt64) {
        if self.bootTime != 0, bootTime > self.bootTime { mayHaveRebooted = true }
        self.bootTime = bootTime
    }

    mutating func state(bytesIn: UInt64, bytesOut: UInt64) -> TrafficGrowth {
        defer {
            last = TrafficGrowth(bytesIn: bytesIn, bytesOut: bytesOut)
            mayHaveRebooted = false
        }
        guard let last else { return TrafficGrowth() }
        if mayHaveRebooted, bytesIn < last.bytesIn || bytesOut < last.bytesOut {
            return TrafficGrowth(bytesIn: bytesIn, bytesOut: bytesOut)
        }
        return TrafficGrowth(
            bytesIn: bytesIn >= last.bytesIn ? bytesIn - last.bytesIn : 0,
            bytesOut: bytesOut >= last.bytesOut ? bytesOut - last.bytesOut : 0)
    }
}
