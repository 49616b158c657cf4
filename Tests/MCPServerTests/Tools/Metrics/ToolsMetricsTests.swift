import AgentLink
import Foundation
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: current metrics")
struct ToolsMetricsTests {
    @Test("server.metrics shows the last measurement with percentages, under the names of the history")
    func current() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        var state = HostState()
        state.cpu = 12.5
        state.memUsed = 1 << 30
        state.diskUsed = 1
        state.load1 = 0.25
        state.tcpConnCount = 7
        state.temperatures = [.init(name: "cpu", celsius: 41)]
        gateway.network.report(
            server.id,
            AgentPresence(
                host: HostInfo(memTotal: 3 << 30, diskTotal: 4), state: state, lastActive: gateway.now,
                isAttached: true))
        let result = try await gateway.call(
            "server.metrics", ["server_id": .integer(server.id)], as: try await gateway.token(of: owner, [.serverRead])
        ).get()
        #expect(result["server_name"] == "web")
        #expect(result["online"] == true)
        #expect(result["measured_at"] == "2027-01-15T08:00:00.000Z")
        let values = try #require(result["values"])
        #expect(values["cpu"] == .double(12.5))
        #expect(values["load1"] == .double(0.25))
        #expect(values["tcp_conn"] == 7)
        #expect(values["memory"] == ["used": 1_073_741_824, "total": 3_221_225_472, "percent": .double(33.3)])
        #expect(values["disk"] == ["used": 1, "total": 4, "percent": 25])
        #expect(values["swap"] == ["used": 0, "total": 0])
        #expect(values["temperature"] == [["name": "cpu", "celsius": 41]])
        #expect(values["gpu"] == nil)
    }

    @Test("without a measurement there are no values; without a host report no totals")
    func unknown() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        let token = try await gateway.token(of: owner, [.serverRead])
        let arguments: JSONValue = ["server_id": .integer(server.id)]
        let nothing = try await gateway.call("server.metrics", arguments, as: token).get()
        #expect(nothing.objectValue?.keys == ["server_id", "server_name", "online"])
        gateway.network.report(server.id, AgentPresence(state: HostState()))
        let stale = try await gateway.call("server.metrics", arguments, as: token).get()
        #expect(stale["online"] == false)
        #expect(stale["values"]?["memory"] == ["used": 0])
    }

    @Test("server.metrics demands the scope and the caller's own server")
    func access() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let other = try await gateway.user("other")
        let server = try await gateway.server(of: other.id)
        let arguments: JSONValue = ["server_id": .integer(server.id)]
        let foreign = await gateway.call("server.metrics", arguments, as: try await gateway.token(of: owner))
        #expect(foreign.outcome == .permissionDenied)
        let scopeless = try await gateway.token(of: other, [.inventoryRead])
        #expect(await gateway.call("server.metrics", arguments, as: scopeless).outcome == .scopeDenied)
    }
}
