package import Storage
import Synchronization

/// Measurements on their way to the engine: one row of a series in each half minute, in a bounded buffer. Recording is a
/// look into a table and an append; it never waits, so that the path of reports may call it.
package final class MetricsIntake: Sendable {
    /// Length of the intervals of which one report is kept, in seconds.
    package static let interval: Int64 = 30
    /// Rows that wait at most, those that are being written too. At 10,000 servers this is a minute.
    static let limit = 20_000

    package struct Row: Sendable, Hashable {
        package var series: MetricSeries
        /// Start of its interval, seconds since 1970.
        package var time: Int64
        package var cells: [Double]

        package init(series: MetricSeries, time: Int64, cells: [Double]) {
            self.series = series
            self.time = time
            self.cells = cells
        }
    }

    private struct State {
        /// The interval of the newest row of each series.
        var newest: [MetricSeries: Int64] = [:]
        var waiting: [Row] = []
        /// Those that the engine has not taken yet for sure.
        var writing: [Row] = []
        var dropped = 0
        var droppedEver = 0
        var isAccepting = true
    }

    private let state = Mutex(State())

    package init() {}

    /// Keeps the values if they are the first of their interval.
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - cells: made only when they are kept.
    func record(_ series: MetricSeries, time: Int64, _ cells: () -> [Double]) {
        let slot = time / Self.interval
        state.withLock { state in
            guard state.isAccepting else { return }
            // A clock that was set back must not silence a series until it has caught up.
            if let newest = state.newest[series], newest == slot || (newest > slot && newest - slot < 10) { return }
            state.newest[series] = slot
            guard state.waiting.count + state.writing.count < Self.limit else {
                state.dropped += 1
                state.droppedEver += 1
                return
            }
            state.waiting.append(Row(series: series, time: slot * Self.interval, cells: cells()))
        }
    }

    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Rows that are here, those that are being written too, and rows that were lost since the start.
    var queue: (waiting: Int, dropped: Int) {
        state.withLock { ($0.waiting.count + $0.writing.count, $0.droppedEver) }
    }

    var isAccepting: Bool { state.withLock { $0.isAccepting } }

    /// The rows that the engine should write next; they stay visible until ``finishWriting(_:)``.
    func beginWriting() -> [Row] {
        state.withLock { state in
            if state.writing.isEmpty { swap(&state.writing, &state.waiting) }
            return state.writing
        }
    }

    /// - Parameter succeeded: whether the engine has them; otherwise they are given again.
    func finishWriting(_ succeeded: Bool) {
        state.withLock { state in
            if succeeded { state.writing = [] }
        }
    }

    /// How many rows were dropped since the last call, because the engine took none for too long.
    func takeDropped() -> Int {
        state.withLock { state in
            defer { state.dropped = 0 }
            return state.dropped
        }
    }

    /// Whether rows are kept at all.
    func setAccepting(_ isAccepting: Bool) {
        state.withLock { $0.isAccepting = isAccepting }
    }

    /// Forgets series that have not reported for an hour: deleted servers and services leave nothing behind.
    func forgetOld(now: Int64) {
        let oldest = now / Self.interval - 120
        state.withLock { state in state.newest = state.newest.filter { $0.value >= oldest } }
    }

    /// Rows of a query that the engine may not know yet, in order of time.
    func rows(_ query: MetricsQuery) -> [Row] {
        state.withLock { state in
            (state.writing + state.waiting).filter { row in
                row.series.kind == query.kind && row.series.subject == query.subject
                    && (query.reporter == nil || row.series.reporter == query.reporter) && row.time >= query.from
            }
        }
    }
}
