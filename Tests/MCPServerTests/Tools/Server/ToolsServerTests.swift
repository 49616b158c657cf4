import AgentLink
import Foundation
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: who am I, servers, exec")
struct ToolsServerTests {
    // MARK: meta.whoami

    @Test("meta.whoami tells owner, scopes, servers, limits and the budget that is left")
    func whoami() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        let server = try await gateway.server(of: user.id)
        let token = try await gateway.token(
            of: user, [.serverExec, .inventoryRead], servers: [server.id], expiresAt: gateway.now.addingTimeInterval(60)
        )
        let id = try #require(token.token?.id)
        _ = gateway.limiter.take(token: id, RateLimiter.Limits())
        let result = try await gateway.call("meta.whoami", as: token).get()
        #expect(result["user_id"] == .integer(user.id))
        #expect(result["is_admin"] == false)
        #expect(result["token_id"] == .integer(id))
        #expect(result["token_name"] == "ci")
        #expect(result["username"] == "owner")
        #expect(result["scopes"] == ["nezha:server:exec", "nezha:inventory:read"])
        #expect(result["server_ids"] == [.integer(server.id)])
        #expect(result["expires_at"] == "2027-01-15T08:01:00.000Z")
        #expect(result["budget"]?["calls_this_second"] == 9)
        #expect(result["budget"]?["calls_this_minute"] == 119)
        #expect(result["limits"]?["calls_per_minute"] == 120)
        #expect(result["protocol_versions"]?.arrayValue?.contains("2025-11-25") == true)
    }

    @Test("meta.whoami leaves out server_ids and expires_at where there are none")
    func whoamiOmits() async throws {
        let gateway = try await TestGateway()
        let admin = try await gateway.user("root", role: .administrator)
        let result = try await gateway.call("meta.whoami", as: try await gateway.token(of: admin, [.serverRead])).get()
        #expect(result["is_admin"] == true)
        #expect(result["server_ids"] == nil)
        #expect(result["expires_at"] == nil)
    }

    // MARK: server.list

    @Test("server.list: own servers, narrowed by the token, in display order; unknown members are left out")
    func list() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let other = try await gateway.user("other")
        let first = try await gateway.server(of: owner.id, name: "first")
        let second = try await gateway.server(of: owner.id, name: "second")
        let top = try await gateway.server(of: owner.id, name: "top", index: 5)
        try await gateway.server(of: other.id, name: "foreign")
        try await gateway.server(of: 0, name: "nobody's")
        gateway.network.report(
            first.id,
            AgentPresence(
                host: HostInfo(platform: "debian", arch: "x86_64"), geoIP: GeoIPInfo(ipv4: "198.51.100.7"),
                lastActive: gateway.now.addingTimeInterval(-29), isAttached: true))
        gateway.network.report(second.id, AgentPresence(lastActive: gateway.now.addingTimeInterval(-30)))

        let all = try await gateway.call("server.list", as: try await gateway.token(of: owner)).get()
        #expect(all["count"] == 3)
        let servers = try #require(all["servers"]?.arrayValue)
        #expect(servers.map { $0["id"] } == [top, first, second].map { .integer($0.id) })
        #expect(servers[0].objectValue?.keys == ["id", "name", "uuid", "online"])
        try #require(servers[1]["online"] == true)
        try #require(servers[1]["ipv4"] == "198.51.100.7")
        #expect(servers[1]["ipv6"] == nil)
        try #require(servers[1]["platform"] == "debian")
        #expect(servers[1]["last_active"] == "2027-01-15T07:59:31.000Z")
        try #require(servers[2]["online"] == false)
        #expect(servers[2]["last_active"] != nil)

        let online = try await gateway.call(
            "server.list", ["online_only": true], as: try await gateway.token(of: owner)
        ).get()
        #expect(online["servers"]?.arrayValue?.map { $0["name"] } == ["first"])
        #expect(online["count"] == 1)

        let listed = try await gateway.token(of: owner, servers: [second.id, 999])
        #expect(try await gateway.call("server.list", as: listed).get()["count"] == 1)
    }

    @Test("Empty-set trap: a token whose listed servers are all gone or foreign sees none, not all")
    func emptySet() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let other = try await gateway.user("other")
        try await gateway.server(of: owner.id)
        let foreign = try await gateway.server(of: other.id)
        for list in [[Int64(999)], [foreign.id], [0]] {
            let token = try await gateway.token(of: owner, servers: list)
            #expect(try await gateway.call("server.list", as: token).get()["servers"] == [])
            #expect(try await gateway.call("inventory.list", as: token, origin: .rest).get() == [])
        }
        let admin = try await gateway.user("root", role: .administrator)
        let narrowed = try await gateway.token(of: admin, servers: [foreign.id])
        #expect(try await gateway.call("server.list", as: narrowed).get()["count"] == 1)
    }

    // MARK: server.get

    @Test("server.get works offline and leaves out what is unknown; shows all that was reported")
    func get() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        let token = try await gateway.token(of: owner, [.serverRead])
        let arguments: JSONValue = ["server_id": .integer(server.id)]
        let offline = try await gateway.call("server.get", arguments, as: token).get()
        #expect(offline.objectValue?.keys == ["id", "name", "uuid", "note", "public_note", "online"])

        var state = HostState()
        state.cpu = 12.5
        state.memUsed = UInt64(Int64.max) + 10
        state.temperatures = [.init(name: "cpu", celsius: 41)]
        gateway.network.report(
            server.id,
            AgentPresence(
                host: HostInfo(cpu: ["Xeon"], version: "2.1.0"), state: state, geoIP: GeoIPInfo(countryCode: "de"),
                lastActive: gateway.now, isAttached: true))
        let online = try await gateway.call("server.get", arguments, as: token).get()
        #expect(online["host"]?["cpu"] == ["Xeon"])
        #expect(online["host"]?["gpu"] == nil)
        #expect(online["state"]?["cpu"] == .double(12.5))
        #expect(online["online"] == true)
        #expect(online["state"]?["mem_used"]?.text == "9223372036854775817")
        #expect(online["state"]?["temperatures"] == [["Name": "cpu", "Temperature": 41]])
        #expect(online["geoip"] == ["ip": [:], "country_code": "de"])
    }

    // MARK: server.exec

    private func exec(
        _ json: String, _ more: JSONObject = [:], successful: Bool = true
    ) async throws -> (result: Result<JSONValue, ToolFailure>, sent: [FakeNetwork.Sent]) {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        gateway.network.attach(server.id, json: json, successful: successful)
        var arguments: JSONObject = ["server_id": .integer(server.id), "cmd": "uname"]
        for (key, value) in more { arguments[key] = value }
        let result = await gateway.call(
            "server.exec", .object(arguments), as: try await gateway.token(of: owner, [.serverExec]))
        return (result, gateway.network.sent)
    }

    @Test("server.exec passes its arguments on and waits 5 s longer than the agent's own limit")
    func execSends() async throws {
        let answer = #"{"exit_code":0,"stdout":"Linux\n","stderr":"","duration_ms":3}"#
        let (result, sent) = try await exec(
            answer,
            ["args": ["-a", ""], "cwd": "/tmp", "env": ["A": "1"], "timeout_seconds": 300, "ignored": true])
        #expect(try result.get() == ["exit_code": 0, "stdout": "Linux\n", "stderr": "", "duration_ms": 3])
        let task = try #require(sent.first)
        #expect(task.type == .exec)
        #expect(task.timeout == .seconds(305))
        let body = try ExecTask(json: task.body)
        #expect(body == ExecTask(cmd: "uname", args: ["-a", ""], cwd: "/tmp", env: ["A": "1"], timeoutSeconds: 300))
        for more: JSONObject in [[:], ["timeout_seconds": 0], ["timeout_seconds": 30]] {
            #expect(try await exec(answer, more).sent.first?.timeout == .seconds(35))
        }
        #expect(try await exec(answer, ["timeout_seconds": 1]).sent.first?.timeout == .seconds(6))
    }

    @Test("a non-zero exit code and a time-out are results")
    func execResults() async throws {
        let failed = try await exec(#"{"exit_code":2,"stdout":"","stderr":"no","duration_ms":1}"#).result.get()
        #expect(failed["exit_code"] == 2)
        let timedOut = try await exec(
            #"{"exit_code":-1,"stdout":"a","stderr":"","duration_ms":1000,"timed_out":true,"stdout_truncated":true}"#
        ).result.get()
        #expect(timedOut["timed_out"] == true)
        #expect(timedOut["stdout_truncated"] == true)
        #expect(timedOut["exit_code"] == -1)
    }

    @Test("an error of the agent is a tool error that keeps the whole result, which satisfies the output schema")
    func execAgentError() async throws {
        let (result, _) = try await exec(
            #"{"exit_code":-1,"stdout":"","stderr":"","duration_ms":0,"error":"executable file not found"}"#)
        guard case .failure(.agentError(let text, let structured?)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(text == "agent_error: executable file not found")
        #expect(result.outcome == .agentError)
        #expect(structured["error"] == "executable file not found")
        #expect(structured["exit_code"] == -1)
        let schema = try JSONSchema(try JSONParser.parse(PackageResources.server_exec_output_json))
        #expect(schema.firstViolation(in: structured) == nil)
    }

    @Test("an unsuccessful reply and one that is no JSON of the expected form are agent errors")
    func execBadReplies() async throws {
        let refused = try await exec("invalid exec request: x", successful: false).result
        #expect(refused.failureText == "invalid exec request: x")
        #expect(refused.outcome == .agentError)
        #expect(try await exec("", successful: false).result.failureText == "agent returned unsuccessful result")
        for bad in ["", "no json", "[]", #"{"exit_code":"0"}"#, #"{"exit_code":1e99}"#] {
            let result = try await exec(bad).result
            #expect(result.outcome == .agentError, "\(bad)")
            #expect(result.failureText?.hasPrefix("agent sent a malformed result") == true)
        }
    }

    @Test("an agent's error text is passed on up to 4 KiB, on a character's bound", arguments: [4096, 4097, 100_000])
    func execLongErrors(length: Int) async throws {
        let text = String(repeating: "x", count: length)
        let shown = String(repeating: "x", count: min(length, 4096))
        #expect(try await exec(text, successful: false).result.failureText == shown)
        let (result, _) = try await exec(#"{"exit_code":-1,"stdout":"","stderr":"","error":"\#(text)"}"#)
        guard case .failure(.agentError("agent_error: \(shown)", let structured?)) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(structured["error"] == .string(shown))
        let accents = String(repeating: "é", count: length)
        let cut = try await exec("x" + accents, successful: false).result.failureText
        #expect(cut == "x" + accents.prefix(2047))
    }

    @Test(
        "output is cut at what was asked for, 64 KiB by default, 1 MiB at most, each stream, and marked",
        arguments: [
            ([:], 65_536), (["max_output_bytes": 0], 65_536), (["max_output_bytes": 10], 10),
            (["max_output_bytes": 1_048_576], 1_048_576), (["max_output_bytes": 1_048_577], 1_048_576),
            (["max_output_bytes": 4_294_967_295], 1_048_576),
        ] as [(JSONObject, Int)])
    func execOutput(more: JSONObject, limit: Int) async throws {
        let full = String(repeating: "x", count: limit)
        let fits = try await exec(
            #"{"exit_code":0,"stdout":"\#(full)","stderr":"\#(full)","duration_ms":1}"#, more
        ).result.get()
        #expect(fits["stdout"] == .string(full))
        #expect(fits["stderr"] == .string(full))
        #expect(fits["stdout_truncated"] == nil)
        #expect(fits["stderr_truncated"] == nil)
        for (stream, other) in [("stdout", "stderr"), ("stderr", "stdout")] {
            // A character that the bound splits goes as a whole.
            let over = full.dropLast() + "é"
            let cut = try await exec(
                #"{"exit_code":0,"\#(stream)":"\#(over)","\#(other)":"","duration_ms":1}"#, more
            ).result.get()
            #expect(cut[stream] == .string(String(full.dropLast())), "\(stream)")
            #expect(cut["\(stream)_truncated"] == true)
            #expect(cut["\(other)_truncated"] == nil)
        }
        // What comes with an agent's error is cut as well.
        let (failed, _) = try await exec(
            #"{"exit_code":-1,"stdout":"\#(full)x","stderr":"","duration_ms":1,"error":"broken"}"#, more)
        guard case .failure(.agentError("agent_error: broken", let structured?)) = failed else {
            Issue.record("no structured result")
            return
        }
        #expect(structured["stdout"] == .string(full))
        #expect(structured["stdout_truncated"] == true)
    }

    @Test("an offline agent, a time-out and a task that is too large have their own outcomes")
    func execCallErrors() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        let token = try await gateway.token(of: owner)
        let arguments: JSONValue = ["server_id": .integer(server.id), "cmd": "id"]
        #expect(await gateway.call("server.exec", arguments, as: token).failureText == "agent offline")
        let table: [(AgentCallError, ToolOutcome, String)] = [
            (.offline, .serverOffline, "agent offline"),
            (.timeout, .agentTimeout, "agent did not respond within timeout"),
            (.payloadTooLarge(bytes: 4_000_000, limit: 3_670_016), .invalidArguments, "fs.upload_url"),
            (.brokenStream("gone"), .agentError, "gone"),
        ]
        for (error, outcome, text) in table {
            gateway.network.attach(server.id) { _, _ in throw error }
            let result = await gateway.call("server.exec", arguments, as: token)
            #expect(result.outcome == outcome, "\(error)")
            #expect(result.failureText?.contains(text) == true, "\(error)")
        }
    }

    @Test(
        "bad arguments of server.exec are named",
        arguments: [
            (#"{"cmd": ""}"#, "cmd required"),
            (#"{"timeout_seconds": 301}"#, "timeout_seconds out of range; must be 1..300"),
            (#"{"timeout_seconds": 1000000}"#, "timeout_seconds"), (#"{"timeout_seconds": -1}"#, "timeout_seconds"),
            (#"{"timeout_seconds": 1.5}"#, "/timeout_seconds"), (#"{"timeout_seconds": "5"}"#, "/timeout_seconds"),
            (#"{"args": "-a"}"#, "/args"), (#"{"args": [1]}"#, "/args/0"), (#"{"env": {"A": 1}}"#, "/env/A"),
            (#"{"env": []}"#, "/env"), (#"{"cwd": 1}"#, "/cwd"), (#"{"cmd": null}"#, "cmd required"),
        ])
    func execArguments(json: String, text: String) async throws {
        let more = try #require(try JSONParser.parse(Array(json.utf8)).objectValue)
        let (result, sent) = try await exec("{}", more)
        #expect(result.outcome == .invalidArguments)
        #expect(sent.isEmpty)
        if text.hasPrefix("/") { #expect(result.failureText?.hasPrefix("invalid arguments: ") == true) }
        #expect(result.failureText?.contains(text) == true, "\(result.failureText ?? "")")
    }
}
