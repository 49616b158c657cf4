import AgentLink
import Foundation
import JSON
import Settings
import Storage
import TestSupport
import Testing

@testable import MCPServer

@Suite("Tools: one command on many servers, stopped on its way")
struct ToolsExecManyRightsTests {
    private struct Scene: Sendable {
        let gateway: TestGateway
        let admin: UserRecord
        let servers: [ServerRecord]
        let token: Principal
        let call: Task<Result<JSONValue, ToolFailure>, Never>
    }

    /// Starts a command that never ends on two of three servers at a time.
    private func during(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
        try await TestGateway.running { gateway in
            let admin = try await gateway.user("root", role: .administrator)
            let owner = try await gateway.user("owner")
            var servers: [ServerRecord] = []
            for _ in 0..<3 { servers.append(try await gateway.server(of: owner.id)) }
            for server in servers { gateway.network.attachSilent(server.id) }
            let token = try await gateway.token(of: owner)
            let ids = JSONValue.array(servers.map { .integer($0.id) })
            let call = Task {
                await gateway.call(
                    "server.exec_many", ["server_ids": ids, "cmd": "sleep", "concurrency": 2], as: token)
            }
            #expect(await eventually { gateway.network.sent.count == 2 })
            try await body(
                Scene(gateway: gateway, admin: admin, servers: servers, token: token, call: call))
            #expect(gateway.live.count == 0)
        }
    }

    /// Exactly the two commands that had begun were stopped and have their rows, beside that of the call: the third
    /// server had no turn.
    private func checkAllOutcomes(_ gateway: TestGateway, are expected: String) async throws {
        #expect(gateway.network.sent.count == 2)
        #expect(gateway.network.cancelled == 2)
        let rows = try await gateway.auditRows().filter { $0.tool.hasPrefix("server.exec") }
        #expect(rows.map(\.tool).sorted() == ["server.exec", "server.exec", "server.exec_many"])
        #expect(Set(rows.map(\.outcome)) == [expected])
    }

    /// - Parameter expected: the outcomes in the rows of the servers, then that of the call.
    private func checkOutcomes(_ gateway: TestGateway, _ expected: [String]) async throws {
        let rows = try await gateway.auditRows().filter { $0.tool.hasPrefix("server.exec") }
        let outcomes = rows.sorted { ($0.tool, $0.serverID) < ($1.tool, $1.serverID) }.map(\.outcome)
        #expect(outcomes == expected)
    }

    @Test("cancelling the call stops all servers and starts no other")
    func cancelled() async throws {
        try await during { scene in
            scene.call.cancel()
            #expect(await scene.call.value.outcome == .cancelled)
            try await checkAllOutcomes(scene.gateway, are: "cancelled")
        }
    }

    @Test("Deleted while in use: revoking the token ends the call on all servers, and the rows say why")
    func revoked() async throws {
        try await during { scene in
            let id = try #require(scene.token.token?.id)
            #expect(try await scene.gateway.storage.tokens.delete(id: id))
            #expect(await scene.call.value.outcome == .revoked)
            try await checkAllOutcomes(scene.gateway, are: "revoked")
        }
    }

    @Test("narrowing the token's scopes ends the call on all servers")
    func narrowed() async throws {
        try await during { scene in
            let id = try #require(scene.token.token?.id)
            try await scene.gateway.storage.tokens.replaceScopes(["nezha:server:read"], of: id)
            #expect(await scene.call.value.outcome == .revoked)
            try await checkAllOutcomes(scene.gateway, are: "revoked")
        }
    }

    @Test("turning enable_mcp off ends the call on all servers as mcp_disabled")
    func killSwitch() async throws {
        try await during { scene in
            scene.gateway.settings.set { $0.enableMCP = false }
            scene.gateway.live.throwKillSwitch()
            #expect(await scene.call.value.outcome == .mcpDisabled)
            try await checkAllOutcomes(scene.gateway, are: "mcp_disabled")
        }
    }

    @Test("a server that is moved away ends alone; the others go on, and its turn that is still to come is refused")
    func moved() async throws {
        try await during { scene in
            let network = scene.gateway.network
            // The waiting one first: once the running one is found to have moved, both have.
            for index in [2, 0] {
                try await scene.gateway.move(scene.servers[index], to: scene.admin)
            }
            #expect(await eventually { network.cancelled == 1 })
            // The third is refused as soon as its turn comes; the second still runs.
            let gateway = scene.gateway
            #expect(
                try await eventually {
                    try await gateway.auditRows().filter { $0.tool == "server.exec" }.count == 2
                })
            #expect(network.sent.count == 2)
            #expect(network.cancelled == 1)
            scene.call.cancel()
            #expect(await scene.call.value.outcome == .cancelled)
            try await checkOutcomes(scene.gateway, ["revoked", "cancelled", "permission_denied", "cancelled"])
        }
    }
}
