import FoundationEssentials
import MCPServer
import Monitoring
import Storage

/// `service.overview`: how all monitors stand, and the traffic of running cycles (`engines.md` 3 and 4).
struct ServiceOverviewTool: Tool {
    private let views: ServiceViews
    private let alerts: AlertEngine

    init(_ views: ServiceViews, _ alerts: AlertEngine) {
        self.views = views
        self.alerts = alerts
    }

    let definition = ToolDefinition(
        name: "service.overview", title: "Overview of monitors",
        description: "The last results of every monitor, its last 30 days, and the traffic of running cycles.",
        annotations: ToolAnnotations(readOnly: true, openWorld: false), access: .guest(.serviceRead),
        exposure: .mcp(toolset: .monitoring),
        inputSchema: SchemaSource(PackageResources.service_overview_input_json),
        outputSchema: SchemaSource(PackageResources.service_overview_output_json))

    struct Service: Encodable, Sendable {
        var serviceName: String?
        var currentUp: Int
        var currentDown: Int
        var totalUp: Int64
        var totalDown: Int64
        var delay: [Double]
        var up: [Int64]
        var down: [Int64]

        private enum CodingKeys: String, CodingKey {
            case serviceName = "service_name"
            case currentUp = "current_up"
            case currentDown = "current_down"
            case totalUp = "total_up"
            case totalDown = "total_down"
            case delay
            case up
            case down
        }
    }

    struct Cycle: Encodable, Sendable {
        var name: String
        var from: String
        var to: String
        var max: Int64
        var min: Int64
        var serverName: IDMap<String>
        var transfer: IDMap<Int64>
        var nextUpdate: IDMap<String>

        private enum CodingKeys: String, CodingKey {
            case name
            case from
            case to
            case max
            case min
            case serverName = "server_name"
            case transfer
            case nextUpdate = "next_update"
        }
    }

    struct Output: Encodable, Sendable {
        var services: IDMap<Service>?
        var cycles: IDMap<Cycle>?

        private enum CodingKeys: String, CodingKey {
            case services
            case cycles = "cycle_transfer_stats"
        }
    }

    func run(_ input: NoInput, in call: ToolCall) async throws -> Output {
        var services: [Int64: Service] = [:]
        for (monitor, record) in views.shown(to: call.principal) {
            services[monitor.id] = Service(
                serviceName: monitor.form.name.isEmpty ? nil : monitor.form.name, currentUp: record.currentUp,
                currentDown: record.currentDown, totalUp: record.totalUp, totalDown: record.totalDown,
                delay: record.days.map(\.delay), up: record.days.map(\.up), down: record.days.map(\.down))
        }
        let names = Dictionary(
            uniqueKeysWithValues: views.servers(shownTo: call.principal).map { ($0.id, $0.name) })
        var cycles: [Int64: Cycle] = [:]
        for statistics in alerts.cycles {
            let shown = statistics.transfer.filter { names[$0.key] != nil }
            guard !shown.isEmpty else { continue }
            cycles[statistics.rule] = cycle(statistics, shown, names)
        }
        return Output(
            services: services.isEmpty ? nil : IDMap(services), cycles: cycles.isEmpty ? nil : IDMap(cycles))
    }

    private func cycle(
        _ statistics: AlertEvaluator.CycleStatistics, _ shown: [Int64: UInt64], _ names: [Int64: String]
    ) -> Cycle {
        func byID<Value>(_ value: (Int64) -> Value?) -> IDMap<Value> {
            let pairs = shown.keys.compactMap { id in value(id).map { (id, $0) } }
            return IDMap(Dictionary(pairs, uniquingKeysWith: { first, _ in first }))
        }
        return Cycle(
            name: statistics.name, from: statistics.from.formatted(.iso8601), to: statistics.to.formatted(.iso8601),
            max: whole(statistics.max), min: whole(statistics.min), serverName: byID { names[$0] },
            transfer: byID { shown[$0].map(Int64.init(clamping:)) },
            nextUpdate: byID { statistics.nextUpdate[$0]?.formatted(.iso8601) })
    }

    private func whole(_ number: Double) -> Int64 { Int64(exactly: number.rounded()) ?? 0 }
}

extension Scope {
    static let serviceRead = Scope("nezha:service:read")
}
