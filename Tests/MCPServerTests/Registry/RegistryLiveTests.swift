import Foundation
import JSON
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("The one door: rights that change while a call runs")
struct RegistryLiveTests {
    /// Who calls, on what, with everything that a test may take away.
    private struct Scene: Sendable {
        let gateway: TestGateway
        let admin: UserRecord
        let owner: UserRecord
        let server: ServerRecord
        let token: Principal
    }

    /// Runs a command that never ends, does `change`, and demands that the call has ended within a second. A crowded
    /// machine has three attempts at that.
    private func duringExec(
        as role: UserRecord.Role = .member, on ownServer: Bool = true,
        _ change: @escaping @Sendable (Scene) async throws -> Void,
        expecting outcome: ToolOutcome
    ) async throws {
        let fastest = try await Promptness.best { try await attempt(as: role, on: ownServer, change, outcome) }
        #expect(fastest < .seconds(1))
    }

    /// - Returns: how long it took from the change to the end of the call.
    private func attempt(
        as role: UserRecord.Role, on ownServer: Bool, _ change: @escaping @Sendable (Scene) async throws -> Void,
        _ outcome: ToolOutcome
    ) async throws -> Duration {
        let took = Mutex(Duration.zero)
        try await TestGateway.running { gateway in
            let admin = try await gateway.user("root", role: .administrator)
            let owner = try await gateway.user("owner", role: role)
            let server = try await gateway.server(of: ownServer ? owner.id : admin.id)
            gateway.network.attachSilent(server.id)
            let token = try await gateway.token(of: owner, expiresAt: gateway.now.addingTimeInterval(3600))
            let scene = Scene(gateway: gateway, admin: admin, owner: owner, server: server, token: token)
            let call = Task {
                await gateway.call("server.exec", ["server_id": .integer(server.id), "cmd": "sleep"], as: token)
            }
            #expect(await eventually { gateway.network.sent.count == 1 })
            let began = ContinuousClock.now
            try await change(scene)
            let result = await call.value
            took.withLock { $0 = began.duration(to: .now) }
            #expect(result.outcome == outcome, "\(result.failureText ?? "no failure")")
            #expect(gateway.network.cancelled == 1)
            #expect(gateway.live.count == 0)
            let rows = try await gateway.auditRows().filter { $0.tool == "server.exec" }
            #expect(rows.map(\.outcome) == [outcome.rawValue])
        }
        return took.withLock { $0 }
    }

    @Test("a tool that answers at once is refused like any other when MCP is off or the rights have gone meanwhile")
    func briefTools() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            let token = try await gateway.token(of: owner)
            let brief = gateway.registry.definitions.filter(\.isBrief).map(\.name)
            #expect(Set(brief) == ["meta.whoami", "server.get"])
            func outcomes() async -> [ToolOutcome] {
                var found: [ToolOutcome] = []
                for tool in brief {
                    let arguments: JSONValue = tool == "server.get" ? ["server_id": .integer(server.id)] : [:]
                    found.append(await gateway.call(tool, arguments, as: token).outcome)
                }
                return found
            }
            #expect(await outcomes() == [.ok, .ok])

            _ = try await gateway.settings.update { $0.enableMCP = false }
            #expect(await outcomes() == [.mcpDisabled, .mcpDisabled])
            _ = try await gateway.settings.update { $0.enableMCP = true }

            // The principal was read before: a request that was on its way.
            _ = try await gateway.storage.tokens.delete(id: try #require(token.token?.id))
            try await gateway.identity.refresh()
            #expect(await outcomes() == [.revoked, .revoked])
            #expect(gateway.live.count == 0)
            let rows = try await gateway.auditRows().map(\.outcome)
            #expect(rows == ["revoked", "revoked", "mcp_disabled", "mcp_disabled", "ok", "ok"])
        }
    }

    @Test("turning enable_mcp off ends a running call as mcp_disabled")
    func killSwitch() async throws {
        try await duringExec(
            { scene in
                let session = try await scene.gateway.session(of: scene.admin)
                let result = await scene.gateway.call(
                    "setting.update", ["enable_mcp": false], as: session, origin: .rest)
                #expect(result.outcome == .ok)
            }, expecting: .mcpDisabled)
    }

    @Test("Deleted while in use: revoking the token ends its running call")
    func revocation() async throws {
        try await duringExec(
            { scene in
                let session = try await scene.gateway.session(of: scene.owner)
                let id = try #require(scene.token.token?.id)
                let result = await scene.gateway.call("token.delete", ["id": .integer(id)], as: session, origin: .rest)
                #expect(result.outcome == .ok)
            }, expecting: .revoked)
    }

    @Test("Deleted while in use: a token that another process deletes ends its running call")
    func revocationElsewhere() async throws {
        try await duringExec(
            { scene in
                let id = try #require(scene.token.token?.id)
                #expect(try await scene.gateway.storage.tokens.delete(id: id))
            }, expecting: .revoked)
    }

    @Test("a change that a tool's own reading takes along is noticed all the same")
    func revocationTakenAlong() async throws {
        try await duringExec(
            { scene in
                let id = try #require(scene.token.token?.id)
                #expect(try await scene.gateway.storage.tokens.delete(id: id))
                try await scene.gateway.identity.refresh()
            }, expecting: .revoked)
    }

    @Test("a token that expires during its call ends it")
    func expiry() async throws {
        try await duringExec({ $0.gateway.advance(3601) }, expecting: .revoked)
    }

    @Test("Deleted while in use: deleting the owner ends the running calls of their tokens")
    func ownerDeleted() async throws {
        try await duringExec(
            { scene in _ = try await scene.gateway.storage.users.delete(ids: [scene.owner.id]) }, expecting: .revoked)
    }

    @Test("demoting an administrator ends their calls on servers of others")
    func ownerDemoted() async throws {
        try await duringExec(
            as: .administrator, on: false,
            { scene in
                var demoted = scene.owner
                demoted.role = .member
                try await scene.gateway.storage.users.update(demoted)
            }, expecting: .revoked)
    }

    @Test("narrowing the scopes of a token ends the calls that need them")
    func scopeNarrowed() async throws {
        try await duringExec(
            { scene in
                let id = try #require(scene.token.token?.id)
                try await scene.gateway.storage.tokens.replaceScopes(["nezha:server:read"], of: id)
            }, expecting: .revoked)
    }

    @Test("moving the server to another owner ends the former one's calls")
    func serverMoved() async throws {
        try await duringExec(
            { scene in
                try await scene.gateway.move(scene.server, to: scene.admin)
            }, expecting: .revoked)
    }

    @Test("Deleted while in use: deleting the server ends the calls on it")
    func serverDeleted() async throws {
        try await duringExec(
            { scene in try await scene.gateway.storage.servers.delete(ids: [scene.server.id]) }, expecting: .revoked)
    }

    @Test("past its deadline a call ends as agent_timeout")
    func deadline() async throws {
        try await duringExec(
            { scene in scene.gateway.live.sweep(at: .now + .seconds(400)) }, expecting: .agentTimeout)
    }

    @Test("a client that goes away ends its call")
    func clientGone() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            gateway.network.attachSilent(server.id)
            let token = try await gateway.token(of: owner)
            let call = Task {
                await gateway.call("server.exec", ["server_id": .integer(server.id), "cmd": "sleep"], as: token)
            }
            #expect(await eventually { gateway.network.sent.count == 1 })
            call.cancel()
            #expect(await call.value.outcome == .cancelled)
            #expect(gateway.network.cancelled == 1)
        }
    }

    @Test("a call that begins under rights of yesterday is checked again before it runs")
    func lateBeginning() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            gateway.network.attachSilent(server.id)
            let token = try await gateway.token(of: owner)
            _ = try await gateway.storage.tokens.delete(id: try #require(token.token?.id))
            try await gateway.identity.refresh()
            let result = await gateway.call("server.exec", ["server_id": .integer(server.id), "cmd": "id"], as: token)
            #expect(result.outcome == .revoked)
        }
    }

    @Test("with the switch off no call from MCP begins; inside calls do")
    func switchedOff() async throws {
        try await TestGateway.running(settings: GatewaySettings()) { gateway in
            let owner = try await gateway.user("owner")
            let token = try await gateway.token(of: owner)
            #expect(await gateway.call("server.list", as: token).outcome == .mcpDisabled)
            #expect(await gateway.call("inventory.list", as: token, origin: .rest).outcome == .ok)
        }
    }

    @Test("other tokens' calls go on when one is revoked")
    func othersGoOn() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            gateway.network.attachSilent(server.id)
            let kept = try await gateway.token(of: owner)
            let revoked = try await gateway.token(of: owner)
            let arguments: JSONValue = ["server_id": .integer(server.id), "cmd": "sleep"]
            let first = Task { await gateway.call("server.exec", arguments, as: kept) }
            let second = Task { await gateway.call("server.exec", arguments, as: revoked) }
            #expect(await eventually { gateway.network.sent.count == 2 })
            let session = try await gateway.session(of: owner)
            let id = try #require(revoked.token?.id)
            _ = await gateway.call("token.delete", ["id": .integer(id)], as: session, origin: .rest)
            #expect(await second.value.outcome == .revoked)
            try await Task.sleep(for: .milliseconds(400))
            #expect(gateway.network.cancelled == 1)
            #expect(gateway.live.count == 1)
            first.cancel()
            #expect(await first.value.outcome == .cancelled)
        }
    }
}
