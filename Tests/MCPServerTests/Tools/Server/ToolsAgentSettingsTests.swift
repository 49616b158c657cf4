import AgentLink
import Foundation
import JSON
import Storage
import Synchronization
import Testing

@testable import MCPServer

@Suite("Tools: settings and updates of agents")
struct ToolsAgentSettingsTests {
    private static let settings = #"{"client_secret":"canary-secret","debug":false,"report_delay":3}"#

    private struct Scene {
        let gateway: TestGateway
        let owner: Principal
        let admin: Principal
        let mine: Int64
        let foreign: Int64
    }

    private func scene() async throws -> Scene {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let other = try await gateway.user("other")
        let root = try await gateway.user("root", role: .administrator)
        return Scene(
            gateway: gateway, owner: try await gateway.session(of: owner), admin: try await gateway.session(of: root),
            mine: try await gateway.server(of: owner.id).id, foreign: try await gateway.server(of: other.id).id)
    }

    private func read(_ scene: Scene, _ id: Int64, as principal: Principal? = nil) async -> Result<
        JSONValue, ToolFailure
    > {
        await scene.gateway.call("server.config_get", ["id": .integer(id)], as: principal ?? scene.owner)
    }

    // MARK: Reading

    @Test("the settings come as the agent wrote them, within ten seconds")
    func readsSettings() async throws {
        let scene = try await scene()
        let text = #"{ "report_delay": 3,"dns":[] }"#
        scene.gateway.network.attach(scene.mine, json: text)
        #expect(try await read(scene, scene.mine).get() == .string(text))
        let sent = try #require(scene.gateway.network.sent.first)
        #expect(sent.type == .reportConfig)
        #expect(sent.body.isEmpty)
        #expect(sent.timeout == .seconds(10))
    }

    @Test("Secrets in answers: the agent's secret is left out, whoever asks, and no audit row has it")
    func secretStaysAway() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            gateway.network.attach(server.id, json: Self.settings)
            let principal = try await gateway.session(of: owner)
            let answer = try await gateway.call(
                "server.config_get", ["id": .integer(server.id)], as: principal
            ).get()
            #expect(answer == .string(#"{"debug":false,"report_delay":3}"#))
            for broken in [#"{"client_secret":"canary-secret""#, #"["canary-secret"]"#, "canary-secret"] {
                gateway.network.attach(server.id, json: broken)
                let failure = await gateway.call(
                    "server.config_get", ["id": .integer(server.id)], as: principal
                ).failureText
                #expect(failure == "get server config failed: the agent sent no JSON object")
            }
            let change: JSONValue = [
                "servers": [.integer(server.id)], "config": #"{"client_secret":"canary-secret"}"#,
            ]
            _ = await gateway.call("server.config_apply", change, as: principal)
            let rows = try await gateway.auditRows()
            #expect(rows.count == 5)
            for row in rows { #expect(!"\(row)".contains("canary")) }
            #expect(rows.first?.argumentsRedacted == #"{"servers":[\#(server.id)],"config":"***"}"#)
            #expect(rows.first?.argumentsHash == "")
        }
    }

    @Test("an unknown server and one that is offline answer an empty text")
    func nothingToRead() async throws {
        let scene = try await scene()
        #expect(try await read(scene, scene.mine).get() == "")
        #expect(try await read(scene, 999).get() == "")
        #expect(try await read(scene, 999, as: scene.admin).get() == "")
        #expect(try await read(scene, 0).get() == "")
    }

    @Test("Indirect reference: somebody else's agent is not asked; a token's list comes before everything")
    func foreignSettings() async throws {
        let scene = try await scene()
        let gateway = scene.gateway
        gateway.network.attach(scene.foreign, json: Self.settings)
        gateway.network.attach(scene.mine, json: Self.settings)
        #expect(await read(scene, scene.foreign).outcome == .permissionDenied)
        let root = try #require(scene.admin.user)
        let record = try #require(try await gateway.storage.users.user(id: root.id))
        let token = try await gateway.token(of: record, [.serverWrite], servers: [scene.mine])
        for id in [scene.foreign, 999] { #expect(await read(scene, id, as: token).outcome == .permissionDenied) }
        #expect(gateway.network.sent.isEmpty)
        #expect(await read(scene, scene.mine, as: token).outcome == .ok)
        #expect(await read(scene, scene.foreign, as: scene.admin).outcome == .ok)
    }

    @Test("refusals and silence of the agent are told")
    func failuresOfReading() async throws {
        let scene = try await scene()
        let network = scene.gateway.network
        network.attach(scene.mine, json: "another reload is in process", successful: false)
        #expect(
            await read(scene, scene.mine).failureText == "get server config failed: another reload is in process")
        network.attach(scene.mine) { _, _ in throw AgentCallError.timeout }
        #expect(await read(scene, scene.mine).outcome == .agentTimeout)
        network.attach(scene.mine) { _, _ in throw AgentCallError.offline }
        #expect(try await read(scene, scene.mine).get() == "")
    }

    // MARK: Changing

    private func apply(
        _ scene: Scene, _ ids: [Int64], _ config: JSONValue = #"{"report_delay":2}"#, as principal: Principal? = nil
    ) async -> Result<JSONValue, ToolFailure> {
        await scene.gateway.call(
            "server.config_apply", ["servers": .array(ids.map { .integer($0) }), "config": config],
            as: principal ?? scene.owner)
    }

    @Test("each server is told once and sorted by how its agent took it; silence is success, as it was sent")
    func appliesSettings() async throws {
        let scene = try await scene()
        let gateway = scene.gateway
        let owner = try #require(scene.owner.user).id
        let refusing = try await gateway.server(of: owner).id
        let silent = try await gateway.server(of: owner).id
        let offline = try await gateway.server(of: owner).id
        gateway.network.attach(scene.mine, json: "")
        gateway.network.attach(refusing, json: "client_secret can only be changed …", successful: false)
        gateway.network.attach(silent) { _, _ in throw AgentCallError.timeout }
        let all = [offline, silent, 999, scene.mine, refusing, scene.mine, silent]
        let answer = try await apply(scene, all).get()
        let expected: JSONValue = [
            "success": [.integer(silent), .integer(scene.mine)], "failure": [.integer(refusing)],
            "offline": [.integer(offline)],
        ]
        #expect(answer == expected)
        let sent = gateway.network.sent
        #expect(sent.count == 3)
        #expect(sent.allSatisfy { $0.type == .applyConfig && $0.body == #"{"report_delay":2}"# })
    }

    @Test("one foreign server refuses the whole change, unknown ones are ignored; an empty list reaches nobody")
    func refusesForeign() async throws {
        let scene = try await scene()
        let gateway = scene.gateway
        gateway.network.attach(scene.mine, json: "")
        gateway.network.attach(scene.foreign, json: "")
        #expect(await apply(scene, [scene.mine, scene.foreign]).outcome == .permissionDenied)
        let ownerID = try #require(scene.owner.user).id
        let owner = try #require(try await gateway.storage.users.user(id: ownerID))
        let listed = try await gateway.token(of: owner, [.serverWrite], servers: [scene.mine])
        #expect(await apply(scene, [scene.mine, 999], as: listed).outcome == .permissionDenied)
        #expect(try await apply(scene, [999]).get() == [:])
        #expect(try await apply(scene, [], as: scene.admin).get() == [:])
        #expect(gateway.network.sent.isEmpty)
        #expect(await apply(scene, [scene.mine, scene.foreign], as: scene.admin).outcome == .ok)
        #expect(gateway.network.sent.count == 2)
    }

    @Test(
        "what is no JSON object is refused before anything is sent, and its text is not repeated",
        arguments: ["", "[]", "null", "{", #"{"a":1}x"#, #"{"a":1,"a":2}"#, "canary", "report_delay: 2", "\"{}\""])
    func refusesText(config: String) async throws {
        let scene = try await scene()
        scene.gateway.network.attach(scene.mine, json: "")
        let failure = await apply(scene, [scene.mine], .string(config))
        #expect(failure.outcome == .invalidArguments)
        let text = try #require(failure.failureText)
        #expect(text.hasPrefix("invalid arguments: /config: must be the text of a JSON object"))
        #expect(!text.contains("canary"))
        #expect(scene.gateway.network.sent.isEmpty)
    }

    @Test("at most 10,000 servers and a mebibyte of settings")
    func limits() async throws {
        let scene = try await scene()
        let ids = (1...10_000).map { Int64($0 + 1000) }
        #expect(try await apply(scene, ids, as: scene.admin).get() == [:])
        #expect(await apply(scene, ids + [1], as: scene.admin).outcome == .invalidArguments)
        let text = { (length: Int) in JSONValue.string(#"{"a":""# + String(repeating: "x", count: length - 8) + #""}"#)
        }
        #expect(await apply(scene, [], text(1 << 20)).outcome == .ok)
        #expect(await apply(scene, [], text((1 << 20) + 1)).outcome == .invalidArguments)
    }

    // MARK: Updating

    @Test("force update: foreign and unknown servers look offline, and are told nothing")
    func forceUpdate() async throws {
        let scene = try await scene()
        let gateway = scene.gateway
        let owner = try #require(scene.owner.user).id
        let refusing = try await gateway.server(of: owner).id
        gateway.network.attach(scene.mine) { _, _ in throw AgentCallError.timeout }
        gateway.network.attach(refusing, json: "", successful: false)
        gateway.network.attach(scene.foreign, json: "")
        let ids: JSONValue = .array([scene.foreign, scene.mine, 999, refusing, scene.mine].map { .integer($0) })
        let answer = try await gateway.call("server.force_update", ["ids": ids], as: scene.owner).get()
        let expected: JSONValue = [
            "success": [.integer(scene.mine)], "failure": [.integer(refusing)],
            "offline": [.integer(scene.foreign), 999],
        ]
        #expect(answer == expected)
        #expect(Set(gateway.network.sent.map(\.server)) == [scene.mine, refusing])
        #expect(gateway.network.sent.allSatisfy { $0.type == .upgrade && $0.body.isEmpty })
        #expect(try await gateway.call("server.force_update", ["ids": []], as: scene.admin).get() == [:])
    }

    @Test("many agents are told at most 256 at a time")
    func concurrency() async throws {
        let gateway = try await TestGateway()
        let running = Gauge()
        let ids = (1...600).map { Int64($0) }
        for id in ids {
            gateway.network.attach(id) { _, _ in
                running.enter()
                defer { running.leave() }
                try await Task.sleep(for: .milliseconds(20))
                throw AgentCallError.timeout
            }
        }
        let agents = EachAgent(network: gateway.network)
        let answer = try await agents.send(.upgrade, body: "", to: ids) { _ in true }
        #expect(answer == TaskAnswer(success: ids))
        #expect(running.highest <= EachAgent.concurrency)
        #expect(running.highest > 1)
        let none = try await agents.send(.upgrade, body: "", to: ids) { _ in false }
        #expect(none == TaskAnswer(offline: ids))
    }
}

private final class Gauge: Sendable {
    private let state = Mutex((now: 0, highest: 0))

    var highest: Int { state.withLock { $0.highest } }

    func enter() {
        state.withLock {
            $0.now += 1
            $0.highest = max($0.highest, $0.now)
        }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}
