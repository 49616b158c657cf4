/// Bytes, from `/proc/meminfo`.
struct MemoryInfo: Sendable, Equatable {
    var total: UInt64 = 0
    var used: UInt64 = 0
    var swapTotal: UInt64 = 0
    var swapUsed: UInt64 = 0

    /// - Parameter meminfo: the text of `/proc/meminfo`; what is missing counts as 0.
    init(meminfo: String) {
        var values: [Substring: UInt64] = [:]
        for line in meminfo.lines {
            guard let (name, value) = line.halves(at: UInt8(ascii: ":")),
                let kilobytes = value.words.first.flatMap({ UInt64($0) })
            else { continue }
            values[name] = kilobytes.multipliedReportingOverflow(by: 1024).partialValue
        }
        total = values["MemTotal"] ?? 0
        // Kernels before 3.14 do not say what is available.
        let reclaimable = ["MemFree", "Buffers", "Cached", "SReclaimable"].reduce(0) { $0 &+ (values[$1[...]] ?? 0) }
        let available = values["MemAvailable"] ?? reclaimable
        used = total - min(total, available)
        swapTotal = values["SwapTotal"] ?? 0
        swapUsed = swapTotal - min(swapTotal, values["SwapFree"] ?? 0)
    }
}
