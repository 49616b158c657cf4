package import Storage

/// Where measurements are kept: the embedded store, or VictoriaMetrics. Both answer the same numbers.
package protocol MetricsEngine: Sendable {
    /// Takes rows of 30 seconds. All or nothing: when it throws, the same rows come again.
    func write(_ rows: [MetricsIntake.Row]) async throws

    /// The samples that reach into `from …`, in order of time, at most as long as `step`.
    func samples(_ query: MetricsQuery) async throws -> [SampledSeriesResult]

    /// Work that is due from time to time; called about every half minute.
    /// - Parameter now: seconds since 1970.
    func maintain(now: Int64) async throws

    /// Gives back what is not needed any more (`engines.md` 11), without holding up others.
    /// - Returns: how many bytes of the disk.
    func compact() async throws -> Int64

    /// The files of this machine in which it keeps them.
    func files() async -> [StoredFile]

    func close() async
}

/// What is asked of an engine.
package struct MetricsQuery: Sendable, Hashable {
    package var kind: SeriesKind
    package var subject: Int64
    /// `nil` asks for every reporter of the subject.
    package var reporter: Int64?
    package var columns: [Int]
    /// Seconds since 1970; a multiple of `step`.
    package var from: Int64
    package var now: Int64
    /// Seconds that a sample may cover.
    package var step: Int64
}

/// The samples of one series, as an engine answers them.
package struct SampledSeriesResult: Sendable {
    var series: MetricSeries
    var samples: [MetricSample]
}
