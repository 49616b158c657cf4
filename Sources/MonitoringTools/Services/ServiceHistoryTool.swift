import MCPServer
import Monitoring
import Storage

import struct FoundationEssentials.Date

/// `service.history`: what each server has measured of a monitor's target (`engines.md` 2).
struct ServiceHistoryTool: Tool {
    private let views: ServiceViews
    private let store: MetricsStore?
    private let now: @Sendable () -> Date

    init(_ views: ServiceViews, _ store: MetricsStore?, now: @escaping @Sendable () -> Date) {
        self.views = views
        self.store = store
        self.now = now
    }

    let definition = ToolDefinition(
        name: "service.history", title: "History of a monitor",
        description: """
            What each server has measured of one monitor, in buckets of time: delays in milliseconds, successes and \
            failures. Guests see the last day. Example: {"service_id": 1, "period": "7d"}.
            """,
        annotations: ToolAnnotations(readOnly: true, openWorld: false), access: .guest(.serviceRead),
        exposure: .mcp(toolset: .monitoring),
        inputSchema: SchemaSource(PackageResources.service_history_input_json),
        outputSchema: SchemaSource(PackageResources.service_history_output_json))

    struct Input: Decodable, Sendable {
        var serviceID: Int64
        var period: String?

        private enum CodingKeys: String, CodingKey {
            case serviceID = "service_id"
            case period
        }
    }

    struct Point: Encodable, Sendable {
        var ts: Int64
        var delay: Double
        var status: Int
    }

    struct Statistics: Encodable, Sendable {
        var averageDelay: Double
        var upPercent: Double
        var totalUp: Int
        var totalDown: Int
        var dataPoints: [Point]

        private enum CodingKeys: String, CodingKey {
            case averageDelay = "avg_delay"
            case upPercent = "up_percent"
            case totalUp = "total_up"
            case totalDown = "total_down"
            case dataPoints = "data_points"
        }
    }

    struct Server: Encodable, Sendable {
        var serverID: Int64
        var serverName: String?
        var stats: Statistics

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case serverName = "server_name"
            case stats
        }
    }

    struct Output: Encodable, Sendable {
        var serviceID: Int64
        var serviceName: String?
        var servers: [Server]

        private enum CodingKeys: String, CodingKey {
            case serviceID = "service_id"
            case serviceName = "service_name"
            case servers
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let period = try MetricsPeriod.asked(for: input.period, by: call.principal)
        let monitor = try views.monitor(input.serviceID, for: call.principal)
        let histories = try await store?.history(ofService: monitor.id, period, now: now()) ?? []
        let servers = histories.compactMap { history -> Server? in
            guard let server = views.identity.server(id: history.server), call.principal.sees(server) else {
                return nil
            }
            return Server(
                serverID: server.id, serverName: server.name.isEmpty ? nil : server.name, stats: Statistics(history))
        }
        let name = monitor.form.name
        return Output(serviceID: monitor.id, serviceName: name.isEmpty ? nil : name, servers: servers)
    }
}

extension ServiceHistoryTool.Statistics {
    fileprivate init(_ history: ProbeHistory) {
        self.init(
            averageDelay: history.averageDelay, upPercent: history.upPercent, totalUp: history.up,
            totalDown: history.down,
            dataPoints: history.points.map { .init(ts: $0.time, delay: $0.delay, status: $0.isUp ? 1 : 0) })
    }
}
