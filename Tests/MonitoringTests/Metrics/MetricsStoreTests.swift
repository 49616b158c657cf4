import AgentLink
import FoundationEssentials
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Monitoring

@Suite struct MetricsStoreTests {
    /// An engine that can be away.
    private final class Engine: MetricsEngine {
        struct Away: Error {}
        let isAway = Mutex(false)
        let written = Mutex<[MetricsIntake.Row]>([])
        let isClosed = Mutex(false)

        func write(_ rows: [MetricsIntake.Row]) async throws {
            if isAway.withLock({ $0 }) { throw Away() }
            written.withLock { $0 += rows }
        }
        func samples(_ query: MetricsQuery) async throws -> [SampledSeriesResult] { [] }
        func maintain(now: Int64) async throws {}
        func compact() async throws -> Int64 { 0 }
        func files() async -> [StoredFile] { [] }
        func close() async { isClosed.withLock { $0 = true } }
    }

    private func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<500 where !condition() { try await Task.sleep(for: .milliseconds(20)) }
        #expect(condition())
    }

    @Test func rowsAreWrittenInTimeAndTheRestAtTheEnd() async throws {
        let engine = Engine()
        let interval = Duration.milliseconds(20)
        let store = MetricsStore(
            engine: engine, configuration: MetricsConfiguration(), flushInterval: interval, logger: quiet)
        store.record(server: 1, HostState(), at: Date(seconds: sunday))
        let running = Task { await store.run() }
        try await wait { engine.written.withLock { $0.count } == 1 }
        store.record(server: 1, HostState(), at: Date(seconds: sunday + 30))
        running.cancel()
        await running.value
        #expect(engine.written.withLock { $0.count } == 2)
        #expect(engine.isClosed.withLock { $0 })
    }

    @Test func anEngineThatIsAwayCostsABoundedBuffer() async throws {
        let engine = Engine()
        engine.isAway.withLock { $0 = true }
        let interval = Duration.milliseconds(10)
        let store = MetricsStore(
            engine: engine, configuration: MetricsConfiguration(), flushInterval: interval, logger: quiet)
        for server in 1...Int64(MetricsIntake.limit + 7) {
            store.record(server: server, HostState(), at: Date(seconds: sunday))
        }
        #expect(store.queue == (MetricsIntake.limit, 7))
        let running = Task { await store.run() }
        engine.isAway.withLock { $0 = false }
        running.cancel()
        await running.value
        #expect(engine.written.withLock { $0.count } == MetricsIntake.limit)
    }

    @Test func rowsWaitUntilTheEngineIsBack() async throws {
        let engine = Engine()
        engine.isAway.withLock { $0 = true }
        let interval = Duration.milliseconds(20)
        let store = MetricsStore(
            engine: engine, configuration: MetricsConfiguration(), flushInterval: interval, logger: quiet)
        store.record(server: 1, HostState(), at: Date(seconds: sunday))
        let running = Task { await store.run() }
        try await Task.sleep(for: .milliseconds(100))
        #expect(try await store.history(of: 1, .cpu, .day, now: Date(seconds: sunday + 10)).count == 1)
        engine.isAway.withLock { $0 = false }
        try await wait { engine.written.withLock { $0.count } == 1 }
        running.cancel()
        await running.value
        #expect(engine.written.withLock { $0.count } == 1)
    }

    @Test func aClockThatWasSetBackDoesNotSilenceASeries() {
        let intake = MetricsIntake()
        let series = MetricSeries(kind: .server, subject: 1, reporter: 0)
        func record(_ time: Int64) { intake.record(series, time: time) { [] } }
        record(sunday)
        // Some minutes: the rows of that time are there already.
        record(sunday - 30)
        #expect(intake.waitingCount == 1)
        record(sunday - 3600)
        #expect(intake.waitingCount == 2)
    }

    @Test func aFullDiskStopsRecordingUntilThereIsRoom() async throws {
        let free = Mutex<UInt64?>(1000)
        let disk = DiskGuard(minimumBytes: 1000) { free.withLock { $0 } }
        #expect(await disk.check() == nil)
        free.withLock { $0 = 999 }
        #expect(await disk.check() == .short)
        #expect(await disk.check() == nil)
        free.withLock { $0 = 1099 }
        #expect(await disk.check() == nil)
        free.withLock { $0 = 1100 }
        #expect(await disk.check() == .enough)
        free.withLock { $0 = nil }
        #expect(await disk.check() == nil)

        let intake = MetricsIntake()
        intake.setAccepting(false)
        intake.record(MetricSeries(kind: .server, subject: 1, reporter: 0), time: sunday) { [] }
        #expect(intake.waitingCount == 0)
        intake.setAccepting(true)
        intake.record(MetricSeries(kind: .server, subject: 1, reporter: 0), time: sunday) { [] }
        #expect(intake.waitingCount == 1)
    }
}
