import AgentLink
import Storage

/// `server.metrics_history`: one metric of one server over time (`seed.md`, Get Server Metrics History).
///
/// This build keeps no metrics, which `tsdb_enabled: false` in the settings tells; then the answer is a success without
/// points, as the document says.
struct MetricsHistoryTool: Tool {
    private let identity: IdentityCache

    init(_ services: ToolServices) {
        identity = services.identity
    }

    static let metrics = [
        "cpu", "memory", "swap", "disk", "net_in_speed", "net_out_speed", "net_in_transfer", "net_out_transfer",
        "load1", "load5", "load15", "tcp_conn", "udp_conn", "process_count", "temperature", "uptime", "gpu",
    ]
    static let periods = ["1d", "7d", "30d"]

    let definition = ToolDefinition(
        name: "server.metrics_history", title: "Metrics of a server over time",
        description:
            "One metric of one server in buckets of time. Guests see the last day of servers that are not hidden.",
        annotations: ToolAnnotations(readOnly: true),
        access: .guest(.serverRead), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.server_metrics_history_input_json),
        outputSchema: SchemaSource(PackageResources.server_metrics_history_output_json))

    struct Input: Decodable, Sendable {
        var serverID: Int64
        var metric: String?
        var period: String?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case metric
            case period
        }
    }

    struct Point: Encodable, Sendable {
        /// Start of the bucket, Unix milliseconds.
        var ts: Int64
        var value: Double
    }

    struct Output: Encodable, Sendable {
        var serverID: Int64
        var serverName: String
        var metric: String
        var dataPoints: [Point]

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case serverName = "server_name"
            case metric
            case dataPoints = "data_points"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let metric = input.metric ?? ""
        guard Self.metrics.contains(metric) else {
            throw ToolFailure.rejected("invalid metric name, expected one of \(Self.metrics.joined(separator: ", "))")
        }
        let period = input.period?.nonEmpty ?? "1d"
        guard Self.periods.contains(period) else {
            throw ToolFailure.rejected("invalid period: \(period.cut(toBytes: 32)), expected 1d, 7d, or 30d")
        }
        // The same for every id outside the list, known or not.
        guard call.principal.token?.lists(server: input.serverID) ?? true else { throw ToolFailure.permissionDenied }
        guard let server = identity.server(id: input.serverID) else { throw ToolFailure.rejected("server not found") }
        guard server.isShown(to: call.principal) else { throw ToolFailure.rejected("unauthorized") }
        guard period == "1d" || call.principal.user != nil else {
            throw ToolFailure.rejected("unauthorized: only 1d data available for guests")
        }
        return Output(serverID: server.id, serverName: server.name, metric: metric, dataPoints: [])
    }
}
