import AgentLink
import Foundation
import HTTP
import JSON
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("Tools: one command on many servers")
struct ToolsExecManyTests {
    private static let answer = #"{"exit_code":0,"stdout":"up\n","stderr":"","duration_ms":3}"#

    private static func arguments(_ ids: [Int64], _ more: JSONObject = [:]) -> JSONValue {
        var arguments: JSONObject = ["server_ids": .array(ids.map { .integer($0) }), "cmd": "uptime"]
        for (key, value) in more { arguments[key] = value }
        return .object(arguments)
    }

    private func servers(_ gateway: TestGateway, _ count: Int, of owner: Int64) async throws -> [Int64] {
        var ids: [Int64] = []
        for _ in 0..<count { ids.append(try await gateway.server(of: owner).id) }
        return ids
    }

    @Test("each server has its result, in the order asked for; failures are explicit and alone")
    func partialFailure() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let ids = try await servers(gateway, 4, of: owner.id)
        gateway.network.attach(ids[0], json: Self.answer)
        gateway.network.attach(ids[2], json: #"{"exit_code":-1,"stdout":"","stderr":"","error":"disabled"}"#)
        gateway.network.attach(
            ids[3], presence: AgentPresence(host: HostInfo(version: "2.0.9"))
        ) { _, _ in AgentTaskReply(data: Self.answer, successful: true) }
        let token = try await gateway.token(of: owner, [.serverExec])
        let result = try await gateway.call(
            "server.exec_many",
            Self.arguments(ids.reversed(), ["args": ["-p"], "env": ["A": "1"], "timeout_seconds": 7, "stdin": "x"]),
            as: token
        ).get()
        let entries = try #require(result["results"]?.arrayValue)
        #expect(entries.map { $0["server_id"] } == ids.reversed().map { .integer($0) })
        #expect(entries.map { $0["ok"] } == [false, false, false, true])
        #expect(
            entries.map { $0["error_code"] } == ["unsupported_agent", "agent_error", "server_offline", nil])
        try #require(entries[1]["error"] == "agent_error: disabled")
        #expect(entries[2]["error"] == "agent offline")
        #expect(entries[3]["result"] == ["exit_code": 0, "stdout": "up\n", "stderr": "", "duration_ms": 3])
        #expect(result["succeeded"] == 1)
        #expect(result["failed"] == 3)
        let sent = try #require(gateway.network.sent.first { $0.server == ids[0] })
        #expect(sent.timeout == .seconds(12))
        #expect(
            try ExecTask(json: sent.body)
                == ExecTask(
                    cmd: "uptime", args: ["-p"], env: ["A": "1"], timeoutSeconds: 7, stdin: "x", maxOutputBytes: 65_536)
        )
    }

    @Test("Insecure direct reference: a foreign, an unlisted and an unknown id fail alone and alike")
    func foreign() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let other = try await gateway.user("other")
        let own = try await servers(gateway, 2, of: owner.id)
        let foreign = try await gateway.server(of: other.id).id
        let nobodys = try await gateway.server(of: 0).id
        for id in own + [foreign, nobodys] { gateway.network.attach(id, json: Self.answer) }
        let token = try await gateway.token(of: owner, servers: [own[0], foreign, nobodys, 999])
        let asked = [foreign, own[1], 999, nobodys, own[0]]
        let result = try await gateway.call("server.exec_many", Self.arguments(asked), as: token).get()
        let entries = try #require(result["results"]?.arrayValue)
        for (id, entry) in zip(asked, entries).dropLast() {
            #expect(
                entry == [
                    "server_id": .integer(id), "ok": false, "error_code": "permission_denied",
                    "error": "permission denied",
                ])
        }
        #expect(entries.last?["ok"] == true)
        #expect(gateway.network.sent.map(\.server) == [own[0]])
    }

    @Test(
        "lists that are empty, too long or name a server twice are refused, and nothing runs",
        arguments: [
            ([], "server_ids required"), ([1, 1], "/server_ids"), (Array(1...101), "/server_ids"),
            ([0], "/server_ids/0"), ([-1], "/server_ids/0"),
        ] as [([Int64], String)])
    func lists(ids: [Int64], text: String) async throws {
        let gateway = try await TestGateway()
        let admin = try await gateway.user("root", role: .administrator)
        let server = try await gateway.server(of: admin.id)
        gateway.network.attach(server.id, json: Self.answer)
        let token = try await gateway.token(of: admin)
        let result = await gateway.call("server.exec_many", Self.arguments(ids), as: token)
        #expect(result.outcome == .invalidArguments)
        #expect(result.failureText?.contains(text) == true)
        #expect(await gateway.call("server.exec_many", ["cmd": "id"], as: token).outcome == .invalidArguments)
        #expect(gateway.network.sent.isEmpty)
    }

    @Test("other bad arguments are named; a call that could take over an hour is refused")
    func badArguments() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let token = try await gateway.token(of: owner)
        let many = Array(Int64(1)...100)
        for (more, text) in [
            (["cmd": ""], "cmd required"), (["concurrency": 0], "/concurrency"), (["concurrency": 33], "/concurrency"),
            (["timeout_seconds": 301], "timeout_seconds out of range"),
            (["timeout_seconds": 300], "could take 3965 s"), (["concurrency": 1, "timeout_seconds": 32], "3700 s"),
        ] as [(JSONObject, String)] {
            let result = await gateway.call("server.exec_many", Self.arguments(many, more), as: token)
            #expect(result.outcome == .invalidArguments, "\(text)")
            #expect(result.failureText?.contains(text) == true, "\(text)")
        }
        let scopeless = try await gateway.token(of: owner, [.serverRead])
        #expect(await gateway.call("server.exec_many", Self.arguments([1]), as: scopeless).outcome == .scopeDenied)
    }

    @Test("no more servers than asked for work at the same time, and progress counts the finished ones")
    func concurrency() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let ids = try await servers(gateway, 12, of: owner.id)
        let running = Mutex((now: 0, most: 0))
        for id in ids {
            gateway.network.attach(id) { _, _ in
                running.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                // As long as no three were seen at once, and then for a moment, in which a fourth would be.
                _ = await eventually { running.withLock { $0.most } >= 3 }
                try await Task.sleep(for: .milliseconds(20))
                running.withLock { $0.now -= 1 }
                return AgentTaskReply(data: Self.answer, successful: true)
            }
        }
        let steps = Mutex<[Double]>([])
        let call = ToolCall(
            principal: try await gateway.token(of: owner), origin: .mcp, requestID: "r-1",
            client: ClientAddress(peer: nil, real: nil),
            progress: { done, total in
                #expect(total == 12)
                steps.withLock { $0.append(done) }
            })
        let result = try await gateway.registry.invoke(
            "server.exec_many", arguments: Self.arguments(ids, ["concurrency": 3]), call: call
        ).get()
        #expect(result["succeeded"] == 12)
        #expect(running.withLock { $0.most } == 3)
        #expect(steps.withLock { $0 } == (1...12).map(Double.init))
    }

    @Test("every server has its audit row under the request id of the call, which has one of its own")
    func audit() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let ids = try await servers(gateway, 2, of: owner.id)
            gateway.network.attach(ids[0], json: Self.answer)
            let token = try await gateway.token(of: owner)
            _ = await gateway.call("server.exec_many", Self.arguments(ids, ["stdin": "a secret"]), as: token)
            let rows = try await gateway.auditRows().sorted { ($0.tool, $0.serverID) < ($1.tool, $1.serverID) }
            #expect(rows.map(\.tool) == ["server.exec", "server.exec", "server.exec_many"])
            #expect(rows.map(\.serverID) == ids + [0])
            #expect(rows.map(\.outcome) == ["ok", "server_offline", "ok"])
            #expect(rows.allSatisfy { $0.requestID == "r-1" && !$0.argumentsRedacted.contains("a secret") })
        }
    }

    @Test("output of all servers together is bounded, also when an agent sends more than it was asked for")
    func output() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let ids = try await servers(gateway, 100, of: owner.id)
        let long = String(repeating: "é", count: 60_000)
        for id in ids {
            gateway.network.attach(id, json: #"{"exit_code":0,"stdout":"\#(long)","stderr":"é","duration_ms":1}"#)
        }
        let result = try await gateway.call(
            "server.exec_many", Self.arguments(ids, ["max_output_bytes": 1_000_000]),
            as: try await gateway.token(of: owner)
        ).get()
        let sent = try #require(gateway.network.sent.first)
        #expect(try ExecTask(json: sent.body).maxOutputBytes == 83_886)
        for entry in try #require(result["results"]?.arrayValue) {
            #expect(entry["result"]?["stdout"]?.stringValue?.utf8.count == 83_886)
            #expect(entry["result"]?["stdout_truncated"] == true)
            #expect(entry["result"]?["stderr_truncated"] == nil)
        }
    }
}
