import AgentLink
import FoundationEssentials
import Settings
import Storage
import TestSupport
import Testing

@testable import Monitoring

@Suite struct EmbeddedMetricsTests {
    private static func store(_ engine: any MetricsEngine) -> MetricsStore {
        MetricsStore(engine: engine, configuration: MetricsConfiguration(), logger: quiet)
    }

    @Test func aReportIsSeenBeforeItIsWritten() async throws {
        let scratch = try Scratch()
        let engine = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        let store = Self.store(engine)
        var state = HostState()
        state.cpu = 12.5
        state.uptime = 99
        store.record(server: 3, state, at: Date(seconds: sunday + 31))
        // The second of the same half minute is not kept.
        state.cpu = 99
        store.record(server: 3, state, at: Date(seconds: sunday + 59))
        let now = Date(seconds: sunday + 70)
        #expect(
            try await store.history(of: 3, .cpu, .day, now: now)
                == [MetricPoint(time: (sunday + 30) * 1000, value: 12.5)])
        #expect(
            try await store.history(of: 3, .uptime, .week, now: now) == [MetricPoint(time: sunday * 1000, value: 99)])
        #expect(try await store.history(of: 4, .cpu, .day, now: now).isEmpty)
        await engine.close()
    }

    /// A day of two servers, sealed and not, gives the same numbers.
    @Test func sealingChangesNoNumber() async throws {
        let scratch = try Scratch()
        let engine = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        let store = Self.store(engine)
        for hour in 0..<26 {
            try await engine.write(
                (0..<120).flatMap { index in
                    let time = sunday + Int64(hour) * 3600 + Int64(index) * 30
                    return [
                        MetricsIntake.Row.server(1, at: time, Double(hour * 100 + index)),
                        .server(2, at: time, Double(index)),
                    ]
                })
        }
        let end = sunday + 26 * 3600
        let now = Date(seconds: end - 1)
        var before: [[MetricPoint]] = []
        for period in MetricsPeriod.allCases {
            for metric in [ServerMetric.cpu, .uptime] {
                before.append(try await store.history(of: 1, metric, period, now: now))
            }
        }
        #expect(before.map(\.count) == [2881, 2881, 52, 52, 13, 13])
        #expect(before[2].first == MetricPoint(time: sunday * 1000, value: 29.5))
        #expect(before[3].first == MetricPoint(time: sunday * 1000, value: Double(sunday + 59 * 30)))
        try await engine.maintain(now: end + 3600)
        // The same again: what is sealed is not sealed twice.
        try await engine.maintain(now: end + 7200)
        var after: [[MetricPoint]] = []
        for period in MetricsPeriod.allCases {
            for metric in [ServerMetric.cpu, .uptime] {
                after.append(try await store.history(of: 1, metric, period, now: now))
            }
        }
        for (old, new) in zip(before, after) {
            #expect(old.map(\.time) == new.map(\.time))
            #expect(zip(old, new).allSatisfy { abs($0.value - $1.value) < 1e-6 })
        }
        await engine.close()
    }

    @Test func whatComesLateForASealedHourIsAdded() async throws {
        let scratch = try Scratch()
        let engine = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        let store = Self.store(engine)
        try await engine.write([.server(1, at: sunday, 10)])
        try await engine.maintain(now: sunday + 3 * 3600)
        try await engine.write([.server(1, at: sunday + 30, 20)])
        try await engine.maintain(now: sunday + 6 * 3600)
        let now = Date(seconds: sunday + 7200)
        #expect(try await store.history(of: 1, .cpu, .day, now: now).map(\.value) == [10, 20])
        #expect(try await store.history(of: 1, .cpu, .week, now: now).map(\.value) == [15])
        await engine.close()
    }

    @Test func rowsOutliveTheProcess() async throws {
        let scratch = try Scratch()
        let first = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        try await first.write([.server(1, at: sunday, 10), .probe(5, by: 1, at: sunday, 3, up: true)])
        await first.close()
        let second = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        // What the first one left open is sealed by the second.
        try await second.maintain(now: sunday + 3 * 3600)
        let store = Self.store(second)
        let now = Date(seconds: sunday + 100)
        #expect(try await store.history(of: 1, .cpu, .month, now: now).map(\.value) == [10])
        #expect(try await store.history(ofService: 5, .day, now: now).map(\.averageDelay) == [3])
        await second.close()
    }

    @Test func oldRowsGo() async throws {
        let scratch = try Scratch()
        let engine = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 3, logger: quiet)
        let store = Self.store(engine)
        try await engine.write([.server(1, at: sunday, 10)])
        try await engine.write([.server(1, at: sunday + 2 * 86_400, 20)])
        try await engine.maintain(now: sunday + 3 * 86_400)
        try await engine.maintain(now: sunday + 5 * 86_400)
        let now = Date(seconds: sunday + 2 * 86_400 + 100)
        #expect(try await store.history(of: 1, .cpu, .month, now: now).map(\.value) == [20])
        await engine.close()
    }

    @Test("the upkeep of the storage gives back what the metrics file does not need, while rows are written")
    func compaction() async throws {
        let scratch = try Scratch()
        let engine = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 1, logger: quiet)
        let store = Self.store(engine)
        for hour in 0..<3 {
            let time = sunday + Int64(hour) * 3600
            try await engine.write((1...2000).map { .server($0, at: time, Double($0) * 1.1) })
        }
        try await engine.maintain(now: sunday + 10 * 86_400)
        try await engine.maintain(now: sunday + 20 * 86_400)
        let world = try EngineWorld()
        let storage = world.storage.tending(store)
        async let written: Void = engine.write([.server(1, at: sunday + 20 * 86_400, 5)])
        let given = try await storage.upkeep.compact()
        try await written
        #expect(given > 100_000)
        #expect(try await store.compact() < 100_000)
        let now = Date(seconds: sunday + 20 * 86_400 + 30)
        #expect(try await store.history(of: 1, .cpu, .day, now: now).map(\.value) == [5])
        await engine.close()
    }

    @Test func aServiceIsSummedUpByReporter() async throws {
        let scratch = try Scratch()
        let engine = EmbeddedMetrics(file: try scratch.openMetrics(), retentionDays: 30, logger: quiet)
        let store = Self.store(engine)
        try await engine.write([
            .probe(9, by: 2, at: sunday, 10, up: true), .probe(9, by: 2, at: sunday + 30, 0, up: false),
            .probe(9, by: 2, at: sunday + 60, 20, up: true), .probe(9, by: 1, at: sunday, 0, up: false),
            .probe(8, by: 1, at: sunday, 1, up: true),
        ])
        let found = try await store.history(ofService: 9, .week, now: Date(seconds: sunday + 100))
        #expect(
            found == [
                ProbeHistory(
                    server: 1, averageDelay: 0, up: 0, down: 1,
                    points: [ProbePoint(time: sunday * 1000, delay: 0, isUp: false)]),
                ProbeHistory(
                    server: 2, averageDelay: 10, up: 2, down: 1,
                    points: [ProbePoint(time: sunday * 1000, delay: 10, isUp: true)]),
            ])
        #expect(found[1].upPercent == 2.0 / 3 * 100)
        let one = try await store.history(ofService: 9, by: 2, .day, now: Date(seconds: sunday + 100))
        #expect(one?.points.map(\.isUp) == [true, false, true])
        #expect(try await store.history(ofService: 9, by: 3, .day, now: Date(seconds: sunday + 100)) == nil)
        await engine.close()
    }

    @Test func anotherProgramsDatabaseIsRefused() async throws {
        let scratch = try Scratch()
        let handle = try SQLiteDatabase.open(path: scratch.metrics, mode: .serve, logger: quiet)
        handle.close()
        #expect(throws: StorageError.foreignDatabase(path: scratch.metrics)) { _ = try scratch.openMetrics() }
    }

    @Test func twoGatewaysDoNotShareAFile() async throws {
        let scratch = try Scratch()
        let file = try scratch.openMetrics()
        #expect(throws: StorageError.alreadyServed(path: scratch.metrics)) { _ = try scratch.openMetrics() }
        file.close()
        try scratch.openMetrics().close()
    }
}
