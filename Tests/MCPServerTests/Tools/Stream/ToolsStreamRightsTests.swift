import Foundation
import HTTP
import JSON
import Storage
import Synchronization
import TestSupport
import Testing

@testable import AgentLink
@testable import MCPServer

@Suite("Tools: terminals whose rights change while they are open", .timeLimit(.minutes(5)))
struct ToolsStreamRightsTests {
    typealias Scene = ToolsStreamTests.Scene

    /// Opens a terminal, does `change`, and demands that it has ended for both sides within a second, or several attempts
    /// on a crowded machine.
    private func during(
        as principal: @escaping @Sendable (Scene) async throws -> Principal,
        _ change: @escaping @Sendable (Scene, Principal) async throws -> Void
    ) async throws {
        let fastest = try await Promptness.best { try await attempt(as: principal, change) }
        #expect(fastest < .seconds(1))
    }

    /// - Returns: how long it took from the change to the end of the terminal.
    private func attempt(
        as principal: @escaping @Sendable (Scene) async throws -> Principal,
        _ change: @escaping @Sendable (Scene, Principal) async throws -> Void
    ) async throws -> Duration {
        let took = Mutex(Duration.zero)
        try await ToolsStreamTests().scene { scene in
            let principal = try await principal(scene)
            let result = try await scene.attached(as: principal) { _, _ in
                let began = ContinuousClock.now
                try await change(scene, principal)
                #expect(await eventually { scene.streams.streamCount == 0 })
                took.withLock { $0 = began.duration(to: .now) }
            }
            #expect(result.outcome == .revoked)
            let rows = try await scene.gateway.auditRows().filter { $0.tool == "terminal.attach" }
            #expect(rows.map(\.outcome) == ["revoked"])
            #expect(rows.first?.serverID == scene.server.id)
            #expect(scene.gateway.live.count == 0)
        }
        return took.withLock { $0 }
    }

    @Test("Deleted while in use: revoking the token closes its terminal")
    func revoked() async throws {
        try await during(as: { try await $0.gateway.token(of: $0.owner) }) { scene, token in
            let id = try #require(token.token?.id)
            let isDeleted = try await scene.gateway.storage.tokens.delete(id: id)
            #expect(isDeleted)
        }
    }

    @Test("Deleted while in use: an expired token's terminal closes")
    func expired() async throws {
        try await during(as: {
            try await $0.gateway.token(of: $0.owner, expiresAt: $0.gateway.now.addingTimeInterval(3600))
        }) { scene, _ in scene.gateway.advance(3601) }
    }

    @Test("Deleted while in use: deleting the user closes their terminal")
    func userDeleted() async throws {
        try await during(as: { try await $0.gateway.session(of: $0.owner) }) { scene, _ in
            _ = try await scene.gateway.storage.users.delete(ids: [scene.owner.id])
        }
    }

    @Test("demoting an administrator closes their terminal on another's server")
    func demoted() async throws {
        try await during(as: { try await $0.gateway.session(of: $0.admin) }) { scene, _ in
            var demoted = scene.admin
            demoted.role = .member
            try await scene.gateway.storage.users.update(demoted)
        }
    }

    @Test("moving the server to another owner closes the former one's terminal")
    func moved() async throws {
        try await during(as: { try await $0.gateway.session(of: $0.owner) }) { scene, _ in
            try await scene.gateway.move(scene.server, to: scene.admin)
        }
    }

    @Test("Deleted while in use: deleting the server closes the terminals on it")
    func serverDeleted() async throws {
        try await during(as: { try await $0.gateway.session(of: $0.owner) }) { scene, _ in
            try await scene.gateway.storage.servers.delete(ids: [scene.server.id])
        }
    }

    @Test("narrowing the scopes of a token closes its terminal")
    func scopesNarrowed() async throws {
        try await during(as: { try await $0.gateway.token(of: $0.owner) }) { scene, token in
            try await scene.gateway.storage.tokens.replaceScopes(
                ["nezha:server:read"], of: try #require(token.token?.id))
        }
    }

    @Test("turning MCP off leaves terminals alone: they are not MCP")
    func killSwitch() async throws {
        try await ToolsStreamTests().scene { scene in
            let token = try await scene.gateway.token(of: scene.owner)
            let result = try await scene.attached(as: token) { socket, stream in
                let session = try await scene.gateway.session(of: scene.admin)
                let off = await scene.gateway.call("setting.update", ["enable_mcp": false], as: session, origin: .rest)
                #expect(off.outcome == .ok)
                try await Task.sleep(for: .milliseconds(300))
                #expect(stream.agentSent([1]) != .ended)
                #expect(await socket.hear() == .binary([1]))
                socket.close()
            }
            #expect(result.outcome == .ok)
        }
    }

    @Test("a shutdown closes terminals")
    func shutdown() async throws {
        try await ToolsStreamTests().scene { scene in
            let session = try await scene.gateway.session(of: scene.owner)
            let result = try await scene.attached(as: session) { _, _ in
                scene.gateway.live.cancel(cause: .shutdown) { _ in true }
            }
            #expect(result.failureText == "the gateway is shutting down")
        }
    }
}
