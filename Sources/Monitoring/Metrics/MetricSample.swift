package import Storage

package typealias SeriesKind = MetricSeries.Kind

/// Values of one series over one interval: a report as it came, or several in one.
struct MetricSample: Sendable, Hashable {
    /// Start of the interval, seconds since 1970.
    var time: Int64
    /// Reports in it.
    var count: UInt32
    /// One value a column, in the order that was asked for.
    var cells: [Double]

    /// Puts samples in order of time together to buckets of a length, empty ones left out.
    /// - Parameter columns: which column each cell is.
    static func buckets(_ samples: [MetricSample], of step: Int64, _ kind: SeriesKind, columns: [Int]) -> [MetricSample]
    {
        var buckets: [MetricSample] = []
        let keepsLast = columns.map { CellLayout.keepsLast(kind, column: $0) }
        for sample in samples {
            let time = sample.time - sample.time % step
            guard var bucket = buckets.last, bucket.time == time else {
                buckets.append(MetricSample(time: time, count: sample.count, cells: sample.cells))
                continue
            }
            let (sum, overflow) = bucket.count.addingReportingOverflow(sample.count)
            guard !overflow, sum > 0 else { continue }
            let weight = Double(sample.count) / Double(sum)
            for index in bucket.cells.indices {
                let new = sample.cells[index]
                bucket.cells[index] =
                    keepsLast[index] ? new : bucket.cells[index] + (new - bucket.cells[index]) * weight
            }
            bucket.count = sum
            buckets[buckets.count - 1] = bucket
        }
        return buckets
    }
}
