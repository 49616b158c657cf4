import MCPServer
import Monitoring
import Storage

/// `service.servers`: the servers that look at some monitor, or at one (`rest-details.md` 4).
struct ServiceServersTool: Tool {
    private let views: ServiceViews

    init(_ views: ServiceViews) { self.views = views }

    let definition = ToolDefinition(
        name: "service.servers", title: "Servers of monitors",
        description: "Ids of the servers that look at one of the monitors the caller sees, or at a single one.",
        annotations: ToolAnnotations(readOnly: true), access: .guest(.serviceRead), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.service_servers_input_json),
        outputSchema: SchemaSource(PackageResources.service_servers_output_json))

    struct Input: Decodable, Sendable {
        var serviceID: Int64?

        private enum CodingKeys: String, CodingKey {
            case serviceID = "service_id"
        }
    }

    struct Output: Encodable, Sendable {
        var servers: [Int64]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let monitors =
            if let id = input.serviceID {
                [try views.monitor(id, for: call.principal)]
            } else {
                views.shown(to: call.principal).map(\.monitor)
            }
        let servers = views.servers(shownTo: call.principal).filter { server in
            monitors.contains { views.monitors.asks($0, server) }
        }
        return Output(servers: servers.map(\.id))
    }
}
