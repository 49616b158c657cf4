package import AgentLink
package import Logging
package import Settings
package import Storage

package import struct FoundationEssentials.Date

/// The measurements of all servers and services (`engines.md` 2): recorded as they come, asked by the pages and tools.
/// Which engine keeps them does not show.
///
/// ```swift
/// let store = MetricsStore(engine: engine, configuration: .init(), logger: logger)
/// store.record(server: 7, state, at: now)
/// let points = try await store.history(of: 7, .cpu, .day, now: now)
/// ```
package final class MetricsStore: Sendable {
    private let engine: any MetricsEngine
    private let intake = MetricsIntake()
    private let configuration: MetricsConfiguration
    private let flushInterval: Duration
    private let disk: DiskGuard?
    private let logger: Logger
    private let now: @Sendable () -> Date

    /// - Parameters:
    ///   - flushInterval: instead of the configured one; for tests.
    ///   - disk: looks after the free space of the embedded store's folder; `nil` where others keep the data.
    package init(
        engine: any MetricsEngine, configuration: MetricsConfiguration, flushInterval: Duration? = nil,
        disk: DiskGuard? = nil, logger: Logger, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.engine = engine
        self.configuration = configuration
        self.flushInterval = flushInterval ?? .seconds(configuration.writeBufferFlushInterval)
        self.disk = disk
        self.logger = logger
        self.now = now
    }
}

// MARK: Recording

extension MetricsStore {
    /// Keeps the report of a server if it is the first of its half minute. Never waits.
    package func record(server id: Int64, _ state: HostState, at time: Date) {
        intake.record(MetricSeries(kind: .server, subject: id, reporter: 0), time: time.unixSeconds) {
            ServerMetric.cells(of: state)
        }
    }

    /// Keeps the result of a probe if it is the first of its half minute. Never waits.
    /// - Parameter delay: milliseconds.
    package func record(service: Int64, by server: Int64, delay: Double, isUp: Bool, at time: Date) {
        intake.record(MetricSeries(kind: .probe, subject: service, reporter: server), time: time.unixSeconds) {
            [delay.isFinite ? delay : 0, isUp ? 1 : 0]
        }
    }
}

extension MetricsStore {
    /// Rows that the engine has not taken yet, and those that were lost since the start because it took none for too long.
    package var queue: (waiting: Int, dropped: Int) { intake.queue }

    /// Whether rows are kept: not while the disk is nearly full.
    package var isAccepting: Bool { intake.isAccepting }
}

// MARK: Reading

/// One bucket of a metric's history.
package struct MetricPoint: Sendable, Hashable {
    /// Its start, milliseconds since 1970.
    package var time: Int64
    package var value: Double
}

/// One bucket of a service's history.
package struct ProbePoint: Sendable, Hashable {
    /// Its start, milliseconds since 1970.
    package var time: Int64
    /// Mean, milliseconds.
    package var delay: Double
    /// Whether more than half of the results were successes.
    package var isUp: Bool
}

/// What one server has measured of a service.
package struct ProbeHistory: Sendable, Hashable {
    package var server: Int64
    /// Mean of all results, milliseconds.
    package var averageDelay: Double
    package var up: Int
    package var down: Int
    package var points: [ProbePoint]

    /// Of 100; 0 without a result.
    package var upPercent: Double { up + down == 0 ? 0 : Double(up) / Double(up + down) * 100 }
}

extension MetricsStore {
    /// One metric of a server, in buckets; empty ones are left out.
    /// - Throws: ``StorageError`` or what the engine says.
    package func history(
        of server: Int64, _ metric: ServerMetric, _ period: MetricsPeriod, now: Date
    ) async throws -> [MetricPoint] {
        let found = try await samples(.server, subject: server, reporter: 0, [metric.column], period, now)
        return found.first?.samples.map { MetricPoint(time: $0.time * 1000, value: $0.cells[0]) } ?? []
    }

    /// What the servers have measured of a service, by their ids.
    package func history(
        ofService service: Int64, _ period: MetricsPeriod, now: Date
    ) async throws -> [ProbeHistory] {
        let found = try await samples(.probe, subject: service, reporter: nil, Self.probe, period, now)
        return found.map { Self.history($0) }.sorted { $0.server < $1.server }
    }

    /// What one server has measured of a service; `nil` where it has not.
    package func history(
        ofService service: Int64, by server: Int64, _ period: MetricsPeriod, now: Date
    ) async throws -> ProbeHistory? {
        try await samples(.probe, subject: service, reporter: server, Self.probe, period, now).first.map(Self.history)
    }

    private static let probe = [ProbeMetric.delay.rawValue, ProbeMetric.status.rawValue]

    private func samples(
        _ kind: SeriesKind, subject: Int64, reporter: Int64?, _ columns: [Int], _ period: MetricsPeriod, _ now: Date
    ) async throws -> [SampledSeriesResult] {
        let now = now.unixSeconds
        let start = now - period.length
        let query = MetricsQuery(
            kind: kind, subject: subject, reporter: reporter, columns: columns, from: start - start % period.step,
            now: now, step: period.step)
        // Before the engine is asked: a row that it gets meanwhile is seen in one of both.
        let waiting = intake.rows(query)
        return try await Self.buckets(try await engine.samples(query), waiting, query)
    }

    /// Off the caller's executor: a month of a service with many servers is work.
    @concurrent
    private static func buckets(
        _ found: [SampledSeriesResult], _ waiting: [MetricsIntake.Row], _ query: MetricsQuery
    ) async throws -> [SampledSeriesResult] {
        var bySeries: [MetricSeries: [MetricSample]] = [:]
        for result in found { bySeries[result.series, default: []] += result.samples }
        for row in waiting {
            let known = bySeries[row.series, default: []]
            guard !known.contains(where: { $0.time == row.time && $0.count == 1 }) else { continue }
            bySeries[row.series, default: []].append(
                MetricSample(time: row.time, count: 1, cells: query.columns.map { row.cells[$0] }))
        }
        return bySeries.map { series, samples in
            SampledSeriesResult(
                series: series,
                samples: MetricSample.buckets(
                    samples.sorted { $0.time < $1.time }, of: query.step, query.kind, columns: query.columns))
        }
    }

    private static func history(_ found: SampledSeriesResult) -> ProbeHistory {
        var delay = 0.0
        var count = 0
        var up = 0
        for sample in found.samples {
            delay += sample.cells[0] * Double(sample.count)
            count += Int(sample.count)
            up += successes(sample)
        }
        return ProbeHistory(
            server: found.series.reporter, averageDelay: count == 0 ? 0 : delay / Double(count), up: up,
            down: count - up,
            points: found.samples.map { sample in
                ProbePoint(
                    time: sample.time * 1000, delay: sample.cells[0],
                    isUp: successes(sample) * 2 > Int(sample.count))
            })
    }

    private static func successes(_ sample: MetricSample) -> Int {
        Int((sample.cells[1] * Double(sample.count)).rounded())
    }
}

// MARK: The work behind

extension MetricsStore {
    /// Writes what gathers, and looks after the store, until it is cancelled; then writes the rest and closes.
    package func run() async {
        var lastWrite = ContinuousClock.now
        var lastMaintenance = ContinuousClock.now
        var failure: String?
        var pause = flushInterval
        while !Task.isCancelled {
            // Cancelled: the loop ends.
            try? await Task.sleep(for: min(.milliseconds(500), pause))
            let isFull = failure == nil && intake.waitingCount >= configuration.writeBufferSize
            guard isFull || ContinuousClock.now - lastWrite >= pause else { continue }
            lastWrite = .now
            if let disk { await watch(disk) }
            failure = await flush(after: failure)
            // An engine that is away is asked less often, so that it is not met by everybody at once when it comes back.
            pause = failure == nil ? flushInterval : min(pause * 2, .seconds(60))
            guard failure == nil, ContinuousClock.now - lastMaintenance >= .seconds(30) else { continue }
            lastMaintenance = .now
            await maintain()
        }
        // The task is cancelled; what is left is written by one that is not.
        await Task { _ = await self.flush(after: failure) }.value
        await engine.close()
    }

    /// Writes all that waits.
    /// - Parameter failure: what went wrong the last time; the same thing is not logged again.
    /// - Returns: what went wrong.
    private func flush(after failure: String?) async -> String? {
        while true {
            let rows = intake.beginWriting()
            guard !rows.isEmpty else { return nil }
            do {
                try await engine.write(rows)
                intake.finishWriting(true)
            } catch {
                intake.finishWriting(false)
                let text = "\(error)"
                if failure != text {
                    logger.warning("metrics cannot be written; they wait", metadata: ["error": "\(text)"])
                }
                return text
            }
            let dropped = intake.takeDropped()
            if dropped > 0 {
                logger.warning("a gap in the metrics: rows were dropped meanwhile", metadata: ["rows": "\(dropped)"])
            } else if failure != nil {
                logger.info("metrics are written again")
            }
        }
    }

    private func maintain() async {
        do {
            intake.forgetOld(now: now().unixSeconds)
            try await engine.maintain(now: now().unixSeconds)
        } catch is CancellationError {
            // The loop ends.
        } catch {
            logger.warning("the metrics store was not tended", metadata: ["error": "\(error)"])
        }
    }

    private func watch(_ disk: DiskGuard) async {
        guard let change = await disk.check() else { return }
        intake.setAccepting(change == .enough)
        switch change {
        case .enough: logger.info("there is room for metrics again")
        case .short: logger.warning("no metrics are kept: the disk is nearly full")
        }
    }

}

extension MetricsStore: DatabaseUpkeep {
    /// Gives back what is not needed any more (`engines.md` 11).
    package func compact() async throws -> Int64 { try await engine.compact() }

    package func files() async -> [StoredFile] { await engine.files() }
}

extension Date {
    var unixSeconds: Int64 {
        // Clocks of the far past and future are no reason to stop.
        Int64(exactly: timeIntervalSince1970.rounded(.down)) ?? 0
    }
}

/// Listens to the agents' reports.
extension MetricsStore: AgentEventSink, AgentResultSink {
    package func reported(state: HostState, growth: TrafficGrowth, at time: Date, server id: Int64) {
        record(server: id, state, at: time)
    }

    /// Results come from the engine of the monitors, which knows whether they count.
    package func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply) {}
}
