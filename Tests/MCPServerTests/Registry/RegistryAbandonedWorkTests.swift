import AgentLink
import JSON
import Settings
import Storage
import TestSupport
import Testing

@testable import MCPServer

/// `agent-link.md` 6: the audit row says whether the agent was told to stop.
@Suite("The one door: what becomes of work on an agent that nobody waits for")
struct RegistryAbandonedWorkTests {
    private static let told = "the agent was told to stop"
    private static let untold = "the agent cannot be told to stop, so the work goes on there until its own time is up"

    /// Stops a call that an agent does not answer, and gives what the caller and the audit log were told.
    private func stopped(
        _ tool: String, _ arguments: JSONValue, canCancel: Bool, by stop: @escaping @Sendable (TestGateway) -> Void
    ) async throws -> (answer: String?, row: AuditRecord?) {
        let gateway = try await TestGateway()
        let writer = Task { await gateway.audit.run() }
        defer { writer.cancel() }
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        gateway.network.attachSilent(server.id, canCancel: canCancel)
        let token = try await gateway.token(of: owner)
        var arguments = arguments.objectValue ?? JSONObject()
        arguments["server_id"] = .integer(server.id)
        let call = Task { [arguments] in await gateway.call(tool, .object(arguments), as: token) }
        #expect(await eventually { gateway.network.sent.count == 1 })
        stop(gateway)
        let answer = await call.value.failureText
        return (answer, try await gateway.auditRows().first)
    }

    @Test(
        "every cause, with an agent that can be told and with one that cannot",
        arguments: [CancellationCause.killSwitch, .rightsLost, .clientRequest, .clientGone, .deadline, .shutdown],
        [true, false])
    func causes(cause: CancellationCause, canCancel: Bool) async throws {
        let (answer, row) = try await stopped("server.exec", ["cmd": "sleep"], canCancel: canCancel) { gateway in
            gateway.live.cancel(cause: cause) { _ in true }
        }
        #expect(answer == cause.words.english)
        #expect(row?.errorMessage == "\(cause.words.english); \(canCancel ? Self.told : Self.untold)")
        #expect(row?.outcome == cause.outcome.rawValue)
    }

    @Test(
        "tasks of the file system are told of as well",
        arguments: [
            ("fs.list", ["path": "/"]), ("fs.read", ["path": "/x"]), ("fs.write", ["path": "/x", "content": ""]),
            ("fs.delete", ["path": "/x"]),
        ] as [(String, JSONValue)])
    func files(tool: String, arguments: JSONValue) async throws {
        let (_, row) = try await stopped(tool, arguments, canCancel: true) { gateway in
            gateway.live.cancel(cause: .rightsLost) { _ in true }
        }
        #expect(row?.errorMessage == "\(CancellationCause.rightsLost.words.english); \(Self.told)")
    }

    @Test("an agent that does not answer in time", arguments: [true, false])
    func timeout(canCancel: Bool) async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            gateway.network.attachSilent(server.id, canCancel: canCancel)
            gateway.network.attach(server.id) { _, _ in throw AgentCallError.timeout }
            let token = try await gateway.token(of: owner)
            let result = await gateway.call("server.exec", ["server_id": .integer(server.id), "cmd": "x"], as: token)
            #expect(result.failureText == "agent did not respond within timeout")
            let row = try #require(try await gateway.auditRows().first)
            #expect(row.outcome == "agent_timeout")
            #expect(row.errorMessage.hasSuffix(canCancel ? Self.told : Self.untold))
        }
    }

    @Test("server.exec_many: each server's row says it of its own agent; the row of the whole says why it ended")
    func many() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let first = try await gateway.server(of: owner.id)
            let second = try await gateway.server(of: owner.id)
            gateway.network.attachSilent(first.id)
            gateway.network.attachSilent(second.id, canCancel: false)
            let token = try await gateway.token(of: owner)
            let call = Task {
                await gateway.call(
                    "server.exec_many",
                    ["server_ids": [.integer(first.id), .integer(second.id)], "cmd": "sleep"], as: token)
            }
            #expect(await eventually { gateway.network.sent.count == 2 })
            gateway.live.throwKillSwitch()
            #expect(await call.value.outcome == .mcpDisabled)
            let switchedOff = CancellationCause.killSwitch.words.english
            let texts = Dictionary(
                uniqueKeysWithValues: try await gateway.auditRows().map { ($0.serverID, $0.errorMessage) })
            #expect(
                texts == [
                    0: switchedOff, first.id: "\(switchedOff); \(Self.told)",
                    second.id: "\(switchedOff); \(Self.untold)",
                ])
        }
    }

    @Test("a call that ended before anything was sent says nothing of the agent")
    func nothingSent() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            gateway.network.attachSilent(server.id)
            let token = try await gateway.token(of: owner)
            gateway.settings.set { $0.enableMCP = false }
            let result = await gateway.call("server.exec", ["server_id": .integer(server.id), "cmd": "x"], as: token)
            #expect(result.outcome == .mcpDisabled)
            #expect(gateway.network.sent.isEmpty)
            #expect(try await gateway.auditRows().first?.errorMessage == CancellationCause.killSwitch.words.english)
        }
    }
}
