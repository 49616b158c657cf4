import MCPServer
import Monitoring
import Primitives
import Storage

import struct FoundationEssentials.Date

/// `server.metrics_history`: one metric of one server over time (`seed.md`, Get Server Metrics History; `engines.md` 2).
struct MetricsHistoryTool: Tool {
    private let identity: IdentityCache
    private let store: MetricsStore?
    private let now: @Sendable () -> Date

    /// - Parameter store: `nil` where no metrics are kept; then the answer has no points.
    init(_ services: ToolServices, _ store: MetricsStore?) {
        identity = services.identity
        self.store = store
        now = services.now
    }

    let definition = ToolDefinition(
        name: "server.metrics_history", title: "Metrics of a server over time",
        description:
            "One metric of one server in buckets of time. Guests see the last day of servers that are not hidden.",
        annotations: ToolAnnotations(readOnly: true),
        access: .guest(.serverRead), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.server_metrics_history_input_json),
        outputSchema: SchemaSource(PackageResources.server_metrics_history_output_json))

    struct Output: Encodable, Sendable {
        var serverID: Int64
        var serverName: String
        var metric: String
        var dataPoints: [HistoryPoint]

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case serverName = "server_name"
            case metric
            case dataPoints = "data_points"
        }
    }

    func run(_ input: MetricInput, in call: ToolCall) async throws -> Output {
        guard let metric = ServerMetric(exactly: input.metric ?? "") else {
            throw ToolFailure.rejected("invalid metric name")
        }
        let period = try MetricsPeriod.asked(for: input.period, by: call.principal)
        let server = try identity.shown(input.serverID, to: call.principal)
        return Output(
            serverID: server.id, serverName: server.name, metric: metric.rawValue,
            dataPoints: try await store?.points(of: server.id, metric, period, now: now()) ?? [])
    }
}

extension MetricsStore {
    /// A history as callers see it.
    func points(
        of server: Int64, _ metric: ServerMetric, _ period: MetricsPeriod, now: Date
    ) async throws -> [HistoryPoint] {
        try await history(of: server, metric, period, now: now).map { HistoryPoint(ts: $0.time, value: $0.value) }
    }
}

extension MetricsPeriod {
    /// What a query says (`rest-details.md` 3).
    /// - Throws: ``ToolFailure/rejected(_:)`` for a period that does not exist, and for one that guests may not see.
    static func asked(for text: String?, by principal: Principal) throws(ToolFailure) -> MetricsPeriod {
        guard let period = MetricsPeriod(query: text) else {
            throw .rejected("invalid period: \((text ?? "").cut(toBytes: 32)), expected 1d, 7d, or 30d")
        }
        guard period == .day || principal.user != nil else {
            throw .rejected("unauthorized: only 1d data available for guests")
        }
        return period
    }
}
