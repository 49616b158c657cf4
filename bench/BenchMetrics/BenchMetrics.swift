import FoundationEssentials
import Glibc
import HTTP
import Logging
import Monitoring
import Outbound
import Settings
import Storage

/// `bench/metrics`: what the embedded store costs, beside VictoriaMetrics with the same rows, asked and answered through the
/// same interface. Arguments: folder, URL of VictoriaMetrics, its process id, its data folder, agents, servers, queries.
@main
enum BenchMetrics {
    static let logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })

    static func main() async throws {
        let given = Array(CommandLine.arguments.dropFirst())
        guard given.count == 7, let process = Int32(given[2]), let agents = Int64(given[4]),
            let servers = Int64(given[5]), let queries = Int(given[6])
        else {
            print("see bench/metrics")
            exit(64)
        }
        let (folder, url, data) = (given[0], given[1], given[3])
        let file = try MetricsFile.open(path: folder + "/metrics.db", cacheBytes: 64 << 20, logger: logger)
        guard let loopback = IPNetwork("127.0.0.0/8") else { exit(70) }
        let client = OutboundClient(guard: AddressGuard(allowing: [loopback]))
        let sides = [
            Side(
                name: "embedded", engine: EmbeddedMetrics(file: file, retentionDays: 30, logger: logger),
                cpu: { Usage.cpu(of: getpid()) }, bytes: { Usage.bytes(below: folder) }, settle: {}),
            Side(
                name: "VictoriaMetrics", engine: VictoriaMetrics(client: client, writeURL: url, readURL: url),
                cpu: { Usage.cpu(of: process) }, bytes: { Usage.bytes(below: data) },
                settle: { _ = try await client.send(.init(.get, url: "\(url)/internal/force_flush")) }),
        ]
        let now = Int64(Date().timeIntervalSince1970)
        let end = now - now % 86_400
        try await ingest(sides, agents: agents, from: end + 1_000_000, slots: 10)
        try await histories(sides, servers: servers, end: end, queries: queries)
    }

    /// So many agents whose rows come every half minute.
    private static func ingest(_ sides: [Side], agents: Int64, from start: Int64, slots: Int64) async throws {
        print("\(agents) agents, a row of \(Rows.width) values each in 30 s, \(slots) times")
        for side in sides {
            let (began, before) = (ContinuousClock.now, side.cpu())
            var making = 0.0
            for slot in 0..<slots {
                let prepared = Usage.cpu(of: getpid())
                let rows = (1...agents).map { Rows.row(1_000_000 + $0, start + slot * 30) }
                making += Usage.cpu(of: getpid()) - prepared
                // As many as the store hands on at once.
                for first in stride(from: 0, to: rows.count, by: 5000) {
                    try await side.engine.write(Array(rows[first..<min(first + 5000, rows.count)]))
                }
            }
            try await side.settle()
            let own = side.name == "embedded" ? making : 0
            let cpu = side.cpu() - before - own
            let points = Double(slots * agents) * Double(Rows.width)
            let seconds = Double(began.duration(to: .now) / .milliseconds(1)) / 1000
            let share = Text.decimal(cpu / Double(slots) / 30 * 100, 1)
            let rate = Int(points / seconds)
            print("  \(side.name): \(rate) points a second; what comes in 30 s takes \(share) % of a core")
        }
    }

    /// Thirty days of some servers: what they take of the disk, and how quickly they are answered.
    private static func histories(_ sides: [Side], servers: Int64, end: Int64, queries: Int) async throws {
        let slots = Int64(30 * 86_400 / 30)
        print("\(servers) servers, 30 days each: \(servers * slots * Int64(Rows.width)) points")
        for side in sides {
            let before = side.bytes()
            for hour in 0..<(30 * 24) {
                let start = end - 30 * 86_400 + Int64(hour) * 3600
                let rows = (1...servers).flatMap { server in (0..<120).map { Rows.row(server, start + $0 * 30) } }
                for first in stride(from: 0, to: rows.count, by: 5000) {
                    try await side.engine.write(Array(rows[first..<min(first + 5000, rows.count)]))
                }
                try await side.engine.maintain(now: start + 3600)
            }
            try await side.settle()
            _ = try await side.engine.compact()
            let grown = Double(side.bytes() - before)
            let each = Text.decimal(grown / Double(servers * slots * Int64(Rows.width)), 2)
            print("  \(side.name): \(each) bytes a point")
        }
        for period in MetricsPeriod.allCases {
            for side in sides {
                let store = MetricsStore(
                    engine: side.engine, configuration: MetricsConfiguration(), logger: logger)
                var times: [Double] = []
                for query in 0..<queries {
                    let began = ContinuousClock.now
                    let points = try await store.history(
                        of: Int64(query) % servers + 1, query % 2 == 0 ? .cpu : .memory, period,
                        now: Date(timeIntervalSince1970: Double(end)))
                    times.append(Double(began.duration(to: .now) / .microseconds(1)) / 1000)
                    guard !points.isEmpty else {
                        print("  \(side.name): no answer")
                        exit(1)
                    }
                }
                times.sort()
                print(
                    "  \(period.rawValue) \(side.name): p50 \(Text.decimal(times[times.count / 2], 2)) ms, "
                        + "p99 \(Text.decimal(times[times.count * 99 / 100], 2)) ms")
            }
        }
    }
}

/// One of the two that are compared.
private struct Side {
    let name: String
    let engine: any MetricsEngine
    /// Seconds of CPU time since its start.
    let cpu: () -> Double
    /// What it takes of the disk.
    let bytes: () -> Int64
    /// Makes what was written visible.
    let settle: () async throws -> Void
}

private enum Rows {
    static let width = ServerMetric.allCases.count

    /// Values as machines report them: some hardly change, some wander, some only grow.
    static func row(_ server: Int64, _ time: Int64) -> MetricsIntake.Row {
        let phase = Double(time % 86_400) / 86_400 * 2 * .pi + Double(server)
        let wave = (sin(phase) + 1) / 2
        let noise = Double((UInt64(bitPattern: time &* 2_654_435_761 &+ server) >> 7) % 1000) / 1000
        let cells: [Double] = (0..<width).map { column in
            switch column % 4 {
            case 0: (wave * 80 + noise * 10).rounded()
            case 1: (wave * 8e9 + noise * 1e8).rounded()
            case 2: Double(time) * 1000 + Double(column)
            default: 4096
            }
        }
        return MetricsIntake.Row(
            series: MetricSeries(kind: .server, subject: server, reporter: 0), time: time - time % 30, cells: cells)
    }
}

private enum Usage {
    static func cpu(of process: Int32) -> Double {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return 0 }
        // Behind the name, which may hold anything.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    static func bytes(below folder: String) -> Int64 {
        var sum: Int64 = 0
        for name in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] {
            var status = stat()
            guard unsafe stat(folder + "/" + name, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            sum += Int64(status.st_size)
        }
        return sum
    }
}

private enum Text {
    static func decimal(_ value: Double, _ digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        return "\((value * scale).rounded() / scale)"
    }
}
