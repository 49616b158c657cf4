import MCPServer
import Monitoring
import Storage

import struct FoundationEssentials.Date

/// `server.services`: what one server has measured of all monitors (`rest-details.md` 4).
struct ServerServicesTool: Tool {
    private let views: ServiceViews
    private let store: MetricsStore?
    private let now: @Sendable () -> Date

    init(_ views: ServiceViews, _ store: MetricsStore?, now: @escaping @Sendable () -> Date) {
        self.views = views
        self.store = store
        self.now = now
    }

    let definition = ToolDefinition(
        name: "server.services", title: "Monitors of a server",
        description: """
            What one server has measured of each monitor, in buckets of time: delays in milliseconds. Guests see the last \
            day. Example: {"server_id": 1}.
            """,
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .guest(.serviceRead, or: .serverRead), exposure: .mcp(toolset: .monitoring),
        inputSchema: SchemaSource(PackageResources.server_services_input_json),
        outputSchema: SchemaSource(PackageResources.server_services_output_json))

    struct Input: Decodable, Sendable {
        var serverID: Int64
        var period: String?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case period
        }
    }

    struct Service: Encodable, Sendable {
        var monitorID: Int64
        var serverID: Int64
        var monitorName: String
        var serverName: String
        var displayIndex: Int64
        var createdAt: [Int64]
        var averageDelay: [Double]

        private enum CodingKeys: String, CodingKey {
            case monitorID = "monitor_id"
            case serverID = "server_id"
            case monitorName = "monitor_name"
            case serverName = "server_name"
            case displayIndex = "display_index"
            case createdAt = "created_at"
            case averageDelay = "avg_delay"
        }
    }

    struct Output: Encodable, Sendable {
        /// An empty list would blank the page that asks.
        var services: [Service]?
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let server = try views.identity.shown(input.serverID, to: call.principal)
        let period = try MetricsPeriod.asked(for: input.period, by: call.principal)
        var services: [Service] = []
        for (monitor, _) in views.shown(to: call.principal) {
            guard let history = try await store?.history(ofService: monitor.id, by: server.id, period, now: now()),
                !history.points.isEmpty
            else { continue }
            services.append(
                Service(
                    monitorID: monitor.id, serverID: server.id, monitorName: monitor.form.name,
                    serverName: server.name, displayIndex: monitor.form.displayIndex,
                    createdAt: history.points.map(\.time), averageDelay: history.points.map(\.delay)))
        }
        return Output(services: services.isEmpty ? nil : services)
    }
}
