import HTTP
import JSON
package import Outbound
import Primitives
package import Storage

/// Keeps measurements in a VictoriaMetrics server or cluster, under the names that the reference uses there
/// (`engines.md` 2): `nezha_server_<name>{server_id}`, `nezha_service_delay|status{service_id,server_id}`.
package struct VictoriaMetrics: MetricsEngine {
    private let client: OutboundClient
    private let writeURL: String
    private let readURL: String

    /// What was measured in the last minutes is read as it came; only what is older is summed up by the server, whose
    /// answers about the present are estimates.
    private static let recent: Int64 = 600
    private static let limits = OutboundClient.Limits(
        connecting: .seconds(5), whole: .seconds(20), bodyBytes: 64 << 20)

    /// - Parameters:
    ///   - client: one that may reach the server's address.
    ///   - writeURL: what `/api/v1/import/prometheus` is put behind.
    ///   - readURL: what `/api/v1/query_range` and `/api/v1/export` are put behind.
    package init(client: OutboundClient, writeURL: String, readURL: String) {
        self.client = client
        self.writeURL = Self.withoutSlash(writeURL)
        self.readURL = Self.withoutSlash(readURL)
    }

    /// Why the server did not do what it was asked for.
    package enum Failure: Error, Sendable, Equatable, CustomStringConvertible {
        case unreadable
        case outbound(OutboundError)

        package var description: String {
            switch self {
            case .unreadable: "VictoriaMetrics gave an answer that cannot be read"
            case .outbound(let error): "VictoriaMetrics: \(error)"
            }
        }
    }

    package func write(_ rows: [MetricsIntake.Row]) async throws {
        var text: [UInt8] = []
        for row in rows {
            let (names, labels) = Self.naming(row.series)
            for (name, value) in zip(names, row.cells) {
                text += "\(name){\(labels)} \(value) \(row.time * 1000)\n".utf8
            }
        }
        _ = try await send(.post, "\(writeURL)/api/v1/import/prometheus", body: text)
    }

    package func samples(_ query: MetricsQuery) async throws -> [SampledSeriesResult] {
        // A day is asked for row by row; of longer ones only the end is.
        let edge = query.now - Self.recent
        let closed = query.step <= MetricsIntake.interval ? query.from : max(query.from, edge - edge % query.step)
        var columns: [[MetricSeries: [Int64: MetricSample]]] = []
        for column in query.columns {
            var found = try await export(query, column, from: closed)
            if closed > query.from {
                found.merge(try await sums(query, column, until: closed)) { $0.merging($1) { $1 } }
            }
            columns.append(found)
        }
        guard let first = columns.first else { return [] }
        return first.map { series, samples in
            let joined = samples.values.compactMap { sample -> MetricSample? in
                var sample = sample
                for other in columns.dropFirst() {
                    guard let cell = other[series]?[sample.time]?.cells.first else { return nil }
                    sample.cells.append(cell)
                }
                return sample
            }
            return SampledSeriesResult(series: series, samples: joined.sorted { $0.time < $1.time })
        }
    }

    /// It tends itself.
    package func maintain(now: Int64) async throws {}
    package func compact() async throws -> Int64 { 0 }

    package func files() async -> [StoredFile] { [] }
    package func close() async {}
}

// MARK: Asking

extension VictoriaMetrics {
    private typealias Found = [MetricSeries: [Int64: MetricSample]]

    /// Rows as they were written.
    private func export(_ query: MetricsQuery, _ column: Int, from: Int64) async throws -> Found {
        let answer = try await send(
            .get, "\(readURL)/api/v1/export",
            query: [
                ("match[]", Self.selector(query, column)), ("start", "\(from)"), ("end", "\(query.now + 60)"),
            ])
        var found: Found = [:]
        for line in answer.split(separator: UInt8(ascii: "\n")) {
            guard let entry = try? JSONParser.parse(Array(line)),
                let series = Self.series(entry["metric"], query.kind),
                let values = entry["values"]?.arrayValue, let times = entry["timestamps"]?.arrayValue
            else { throw Failure.unreadable }
            for (value, time) in zip(values, times) {
                guard let value = value.number, let time = time.int64Value.map({ $0 / 1000 }) else { continue }
                let start = time - time % MetricsIntake.interval
                found[series, default: [:]][start] = MetricSample(time: start, count: 1, cells: [value])
            }
        }
        return found
    }

    /// Buckets that are over, summed up by the server.
    private func sums(_ query: MetricsQuery, _ column: Int, until end: Int64) async throws -> Found {
        let selector = Self.selector(query, column)
        let function = CellLayout.keepsLast(query.kind, column: column) ? "last_over_time" : "avg_over_time"
        let values = try await range("\(function)(\(selector)[\(query.step)s])", query, until: end)
        let counts = try await range("count_over_time(\(selector)[\(query.step)s])", query, until: end)
        var found: Found = [:]
        for (series, points) in values {
            for (time, value) in points {
                guard let count = counts[series]?[time].flatMap({ UInt32(exactly: $0) }), count > 0 else { continue }
                found[series, default: [:]][time] = MetricSample(time: time, count: count, cells: [value])
            }
        }
        return found
    }

    private func range(
        _ expression: String, _ query: MetricsQuery, until end: Int64
    ) async throws -> [MetricSeries: [Int64: Double]] {
        // A window ends with its time, which belongs to it; that of a bucket ends a millisecond before the next one.
        let answer = try await send(
            .get, "\(readURL)/api/v1/query_range",
            query: [
                ("query", expression), ("start", "\(query.from + query.step - 1).999"), ("end", "\(end - 1).999"),
                ("step", "\(query.step)s"), ("nocache", "1"),
            ])
        guard let document = try? JSONParser.parse(answer),
            let results = document["data"]?["result"]?.arrayValue
        else { throw Failure.unreadable }
        var found: [MetricSeries: [Int64: Double]] = [:]
        for result in results {
            guard let series = Self.series(result["metric"], query.kind), let points = result["values"]?.arrayValue
            else { throw Failure.unreadable }
            for point in points {
                guard let pair = point.arrayValue, pair.count == 2, let time = pair[0].number,
                    let value = pair[1].stringValue.flatMap(Double.init),
                    let seconds = Int64(exactly: time.rounded(.down))
                else { throw Failure.unreadable }
                let start = seconds - query.step + 1
                found[series, default: [:]][start - start % query.step] = value
            }
        }
        return found
    }

    private func send(
        _ method: HTTPRequest.Method, _ url: String, query: [(String, String)] = [], body: [UInt8]? = nil
    ) async throws -> [UInt8] {
        let url = query.isEmpty ? url : "\(url)?\(PercentCode.form(query))"
        do throws(OutboundError) {
            let answer = try await client.send(
                OutboundClient.Request(method, url: url, body: body, limits: Self.limits))
            guard answer.isSuccess else { throw OutboundError.failed("it answered \(answer.status)") }
            guard !answer.isTruncated else { throw OutboundError.failed("its answer is too long") }
            return answer.body
        } catch .cancelled {
            throw CancellationError()
        } catch {
            throw Failure.outbound(error)
        }
    }
}

extension JSONValue {
    fileprivate var number: Double? {
        guard case .number(let number) = self else { return nil }
        return number.double
    }
}

// MARK: Names

extension VictoriaMetrics {
    /// The names of the series, by column, and what their labels are.
    private static func naming(_ series: MetricSeries) -> (names: [String], labels: String) {
        switch series.kind {
        case .server: (serverNames, "server_id=\"\(series.subject)\"")
        case .probe: (probeNames, "service_id=\"\(series.subject)\",server_id=\"\(series.reporter)\"")
        }
    }

    private static let serverNames = ServerMetric.allCases.sorted { $0.column < $1.column }
        .map { "nezha_server_\($0.rawValue)" }
    private static let probeNames = ["nezha_service_delay", "nezha_service_status"]

    private static func selector(_ query: MetricsQuery, _ column: Int) -> String {
        switch query.kind {
        case .server: "\(serverNames[column]){server_id=\"\(query.subject)\"}"
        case .probe:
            "\(probeNames[column]){service_id=\"\(query.subject)\""
                + (query.reporter.map { ",server_id=\"\($0)\"" } ?? "") + "}"
        }
    }

    private static func series(_ labels: JSONValue?, _ kind: SeriesKind) -> MetricSeries? {
        func id(_ name: String) -> Int64? { labels?[name]?.stringValue.flatMap { Int64($0) } }
        switch kind {
        case .server: return id("server_id").map { MetricSeries(kind: .server, subject: $0, reporter: 0) }
        case .probe:
            guard let service = id("service_id"), let server = id("server_id") else { return nil }
            return MetricSeries(kind: .probe, subject: service, reporter: server)
        }
    }

    private static func withoutSlash(_ url: String) -> String {
        url.utf8.last == UInt8(ascii: "/") ? String(url.dropLast()) : url
    }
}
