import AgentLink
import Storage

import struct FoundationEssentials.Date

/// `server.metrics`: the last measurement of one server, with what follows from it, and the history of one metric.
struct MetricsTool: Tool {
    private let identity: IdentityCache
    private let network: any AgentNetwork
    private let hooks: ResourceHooks
    private let now: @Sendable () -> Date

    init(_ services: ToolServices) {
        identity = services.identity
        network = services.network
        hooks = services.hooks
        now = services.now
    }

    let definition = ToolDefinition(
        name: "server.metrics", title: "Measure a server",
        description: """
            Shows the current values of one server: load of processors in percent, memory, swap and disk as used and \
            total bytes and percent, network speeds in bytes a second and bytes since boot, load averages, connections, \
            processes, uptime and temperatures. measured_at tells when; with online false they are the last ones known, \
            and without any the members are absent. With metric also its history: the mean of each bucket of time, but \
            the last value of net_in_transfer, net_out_transfer and uptime. Contacts no server. Examples: \
            {"server_id": 1}, {"server_id": 1, "metric": "cpu", "period": "7d"}.
            """,
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .user([.serverRead]), target: .server, exposure: .mcp(toolset: .metrics),
        inputSchema: SchemaSource(PackageResources.server_metrics_input_json),
        outputSchema: SchemaSource(PackageResources.server_metrics_output_json))

    struct Output: Encodable, Sendable {
        var serverID: Int64
        var serverName: String
        var online: Bool
        var measuredAt: Timestamp?
        var values: Values?
        /// The metric that was asked for; its period and history stand with it.
        var metric: String?
        var period: String?
        var dataPoints: [HistoryPoint]?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case serverName = "server_name"
            case online
            case measuredAt = "measured_at"
            case values
            case metric
            case period
            case dataPoints = "data_points"
        }
    }

    func run(_ input: MetricInput, in call: ToolCall) async throws -> Output {
        // The gate has seen it; it may have been deleted since.
        guard let server = identity.server(id: input.serverID) else { throw ToolFailure.permissionDenied }
        let known = await network.presence(of: [server.id])[server.id]
        var output = Output(
            serverID: server.id, serverName: server.name, online: known?.isOnline(at: now()) ?? false,
            measuredAt: Timestamp(known?.lastActive), values: known?.state.map { Values($0, host: known?.host) })
        if let metric = input.metric {
            let period = input.period ?? "1d"
            output.metric = metric
            output.period = period
            output.dataPoints = try await hooks.history(of: server.id, metric, period)
        } else if input.period != nil {
            throw ToolFailure.invalidArguments("invalid arguments: /period: needs a metric")
        }
        return output
    }
}

extension MetricsTool {
    /// The measurement under the names of the metrics history (`seed.md`); what a machine does not have is absent.
    struct Values: Encodable, Sendable {
        var cpu: Double
        var memory: Usage
        var swap: Usage
        var disk: Usage
        var netInSpeed: UInt64
        var netOutSpeed: UInt64
        var netInTransfer: UInt64
        var netOutTransfer: UInt64
        var load1: Double
        var load5: Double
        var load15: Double
        var tcpConn: UInt64
        var udpConn: UInt64
        var processCount: UInt64
        var uptime: UInt64
        var temperature: [Sensor]?
        var gpu: [Double]?

        private enum CodingKeys: String, CodingKey {
            case cpu
            case memory
            case swap
            case disk
            case netInSpeed = "net_in_speed"
            case netOutSpeed = "net_out_speed"
            case netInTransfer = "net_in_transfer"
            case netOutTransfer = "net_out_transfer"
            case load1
            case load5
            case load15
            case tcpConn = "tcp_conn"
            case udpConn = "udp_conn"
            case processCount = "process_count"
            case uptime
            case temperature
            case gpu
        }

        init(_ state: HostState, host: HostInfo?) {
            cpu = state.cpu
            memory = Usage(state.memUsed, of: host?.memTotal)
            swap = Usage(state.swapUsed, of: host?.swapTotal)
            disk = Usage(state.diskUsed, of: host?.diskTotal)
            netInSpeed = state.netInSpeed
            netOutSpeed = state.netOutSpeed
            netInTransfer = state.netInTransfer
            netOutTransfer = state.netOutTransfer
            load1 = state.load1
            load5 = state.load5
            load15 = state.load15
            tcpConn = state.tcpConnCount
            udpConn = state.udpConnCount
            processCount = state.processCount
            uptime = state.uptime
            temperature = state.temperatures.map { Sensor(name: $0.name, celsius: $0.celsius) }.nonEmpty
            gpu = state.gpu.nonEmpty
        }
    }

    struct Usage: Encodable, Sendable, Equatable {
        var used: UInt64
        var total: UInt64?
        /// Of 100, to one decimal; `nil` where the total is unknown or zero.
        var percent: Double?

        init(_ used: UInt64, of total: UInt64?) {
            self.used = used
            self.total = total
            guard let total, total > 0 else { return }
            percent = (Double(used) / Double(total) * 1000).rounded() / 10
        }
    }

    struct Sensor: Encodable, Sendable {
        var name: String
        var celsius: Double
    }
}
