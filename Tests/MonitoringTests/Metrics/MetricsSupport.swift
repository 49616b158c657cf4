import AgentLink
import FoundationEssentials
import Storage
import TestSupport

@testable import Monitoring

extension Scratch {
    var metrics: String { folder + "/metrics.db" }

    func openMetrics() throws -> MetricsFile {
        try MetricsFile.open(path: metrics, cacheBytes: 8 << 20, logger: quiet)
    }
}

extension MetricsIntake.Row {
    /// A server's row whose cells are all `value`, but the last ones of transfers and uptime, which count up with time.
    static func server(_ id: Int64, at time: Int64, _ value: Double) -> MetricsIntake.Row {
        var cells = [Double](repeating: value, count: ServerMetric.allCases.count)
        cells[ServerMetric.uptime.column] = Double(time)
        return MetricsIntake.Row(
            series: MetricSeries(kind: .server, subject: id, reporter: 0), time: time, cells: cells)
    }

    static func probe(_ service: Int64, by server: Int64, at time: Int64, _ delay: Double, up: Bool)
        -> MetricsIntake.Row
    {
        MetricsIntake.Row(
            series: MetricSeries(kind: .probe, subject: service, reporter: server), time: time,
            cells: [delay, up ? 1 : 0])
    }
}

/// A moment that lies on the border of all buckets: a Sunday at midnight.
let sunday: Int64 = 1_795_910_400 - 1_795_910_400 % 86_400

extension Date {
    init(seconds: Int64) { self.init(timeIntervalSince1970: Double(seconds)) }
}
