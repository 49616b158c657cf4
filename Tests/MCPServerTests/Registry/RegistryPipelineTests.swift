import AgentLink
import Foundation
import JSON
import Secrets
import Storage
import Testing

@testable import MCPServer

/// A tool that returns or throws what the test says.
private struct ProbeTool<Output: Encodable & Sendable>: Tool {
    struct Input: Decodable, Sendable {
        var text: String?
    }

    let definition: ToolDefinition
    let body: @Sendable () async throws -> Output

    init(
        _ name: String = "probe.run", access: ToolAccess = .user([]), output: String = #"{"type": "object"}"#,
        body: @escaping @Sendable () async throws -> Output
    ) {
        definition = ToolDefinition(
            name: name, title: "Probe", description: "Probe", access: access, exposure: .internal,
            inputSchema: SchemaSource(
                Array(
                    #"""
                    {"type": "object", "properties": {"text": {"type": "string", "maxLength": 8},
                     "secret": {"type": "string", "writeOnly": true}}}
                    """#.utf8)),
            outputSchema: SchemaSource(Array(output.utf8)))
        self.body = body
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output { try await body() }
}

private struct Number: Encodable, Sendable {
    var value: Double
}

@Suite("The one door: pipeline and audit")
struct RegistryPipelineTests {
    @Test("a time limit and a digest are checked before the server is looked up; texts of the contract stand alone")
    func firstArguments() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let mine = try await gateway.server(of: owner.id)
        let caller = try await gateway.token(of: owner, [.everything])
        let wrong: [(String, JSONObject, String)] = [
            ("server.exec", ["cmd": "id", "timeout_seconds": 301], "timeout_seconds out of range; must be 1..300"),
            ("fs.upload_url", ["path": "/x", "if_match_sha256": "abc"], "if_match_sha256 must be 64 hex chars"),
        ]
        for (tool, arguments, text) in wrong {
            for server in [mine.id, 999_999] {
                var arguments = arguments
                arguments["server_id"] = .integer(server)
                #expect(await gateway.call(tool, .object(arguments), as: caller).failureText == text)
            }
        }
        for (server, text) in [(mine.id, "path required"), (999_999, "permission denied")] {
            #expect(
                await gateway.call("fs.list", ["server_id": .integer(server), "path": ""], as: caller).failureText
                    == text)
        }
    }

    @Test(
        "a refused call says the first broken rule: scope, then server list, then ownership, then arguments, then agent"
    )
    func order() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let other = try await gateway.user("other")
            let mine = try await gateway.server(of: owner.id)
            let foreign = try await gateway.server(of: other.id)
            gateway.network.attach(mine.id, presence: .init(host: .init(version: "2.0.4"))) { _, _ in
                Issue.record("an old agent must not be called")
                return .init(data: "{}", successful: true)
            }
            let bad: JSONValue = ["server_id": .integer(foreign.id), "cmd": 7]
            let noScope = try await gateway.token(of: owner, [.serverRead], servers: [mine.id])
            let listed = try await gateway.token(of: owner, [.serverExec], servers: [mine.id])
            let free = try await gateway.token(of: owner, [.serverExec])

            #expect(
                await gateway.call("server.exec", bad, as: noScope).failureText
                    == "missing required scope: nezha:server:exec")
            #expect(await gateway.call("server.exec", bad, as: listed).failureText == "permission denied")
            #expect(await gateway.call("server.exec", bad, as: free).failureText == "permission denied")
            let wrongType: JSONValue = ["server_id": .integer(mine.id), "cmd": 7]
            let text = await gateway.call("server.exec", wrongType, as: free).failureText
            #expect(text?.hasPrefix("invalid arguments: /cmd: ") == true)
            let old = await gateway.call("server.exec", ["server_id": .integer(mine.id), "cmd": "id"], as: free)
            #expect(old.outcome == .unsupportedAgent)

            let rows = try await gateway.auditRows()
            #expect(
                rows.map(\.outcome).reversed() == [
                    "scope_denied", "permission_denied", "permission_denied", "invalid_args", "unsupported_agent",
                ])
        }
    }

    @Test("every call leaves exactly one row, with who, what, where, how it ended and how long it took")
    func oneRow() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            let token = try await gateway.token(of: owner)
            gateway.network.attach(server.id, json: #"{"exit_code":0,"stdout":"","stderr":"","duration_ms":1}"#)
            let arguments: JSONValue = ["server_id": .integer(server.id), "cmd": "true"]
            _ = await gateway.call("server.exec", arguments, as: token)
            _ = await gateway.call("server.exec", ["server_id": 0], as: token)
            _ = await gateway.call("meta.whoami", .null, as: token)
            _ = await gateway.call("meta.whoami", [1], as: token)
            _ = await gateway.call("meta.whoami", [:], as: .guest)
            let rows = try await gateway.auditRows().reversed() as [AuditRecord]
            #expect(rows.map(\.outcome) == ["ok", "invalid_args", "ok", "invalid_args", "unauthenticated"])
            let first = try #require(rows.first)
            #expect(first.userID == owner.id)
            #expect(first.tokenID == token.token?.id)
            #expect(first.serverID == server.id)
            #expect(first.tool == "server.exec")
            #expect(first.origin == "mcp")
            #expect(first.requestID == "r-1")
            #expect(first.ip == TestGateway.address)
            #expect(first.argumentsHash.count == 64)
            #expect(first.errorCode.isEmpty)
            try #require(rows[1].errorMessage == "server_id required")
            #expect(rows[1].errorCode == "invalid_args")
            #expect(rows[2].argumentsHash.isEmpty)
        }
    }

    @Test("Secrets in answers: no canary of a command, a file, a password or a token reaches audit rows or logs")
    func canaries() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner", password: "canary-password")
            let server = try await gateway.server(of: owner.id)
            let token = try await gateway.token(of: owner)
            let session = try await gateway.session(of: owner)
            gateway.network.attach(
                server.id,
                json: #"{"exit_code":0,"stdout":"canary-out","stderr":"","duration_ms":1,"size":1,"sha256":"00"}"#)
            let id = JSONValue.integer(server.id)
            _ = await gateway.call(
                "server.exec",
                [
                    "server_id": id, "cmd": "canary-cmd", "args": ["canary-arg"], "env": ["KEY": "canary-env"],
                    "unknown": ["deep": "canary-unknown"],
                ], as: token)
            _ = await gateway.call(
                "fs.write", ["server_id": id, "path": "/etc/motd", "content": "canary-content"], as: token)
            let login = await gateway.call(
                "session.create", ["username": "owner", "password": "canary-password"], as: .guest, origin: .rest)
            _ = await gateway.call(
                "session.create", ["username": "owner", "password": "canary-wrong"], as: .guest, origin: .rest)
            let made = await gateway.call(
                "token.create", ["name": "canary-name", "scopes": ["nezha:server:read"]], as: session, origin: .rest)
            _ = await gateway.call(
                "profile.update",
                [
                    "original_password": "canary-original", "new_username": "owner", "new_password": "canary-new",
                ], as: session, origin: .rest)
            var canaries = ["canary-"]
            canaries.append(try #require(try login.get()["token"]?.stringValue))
            canaries.append(try #require(try made.get()["token"]?.stringValue))
            canaries.append(try gateway.accounts.agentSecret(of: owner))

            let rows = try await gateway.auditRows()
            #expect(rows.count == 6)
            for canary in canaries {
                #expect(!rows.contains { "\($0)".contains(canary) })
                #expect(!gateway.log.lines.contains { $0.contains(canary) })
            }
            #expect(rows.contains { $0.argumentsRedacted.contains("/etc/motd") })
            let logins = rows.filter { $0.tool == "session.create" }
            #expect(logins.allSatisfy { $0.argumentsHash.isEmpty && $0.argumentsRedacted.contains("***") })
        }
    }

    @Test("Secrets in answers: numbers and flags are canaries too; those stay that say where and how much, by name")
    func plainValues() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id)
            let token = try await gateway.token(of: owner)
            let session = try await gateway.session(of: owner)
            let id = JSONValue.integer(server.id)
            let deep: JSONValue = [
                "limit": 71_000_005, "list": [71_000_006, true, [71_000_007.5]], "recursive": false,
                "server_ids": [71_000_008],
            ]
            for arguments: JSONObject in [
                ["path": "/a", "content": 71_000_001, "create_dirs": true],
                ["path": 71_000_002, "content": false, "mode": 71_000_003, "encoding": 71_000_004],
                ["path": "/a", "content": deep], ["path": "/a", "content": "", "unknown": deep],
                ["path": "/a", "content": [71_000_009, true], "71": true],
            ] {
                var arguments = arguments
                arguments["server_id"] = id
                _ = await gateway.call("fs.write", .object(arguments), as: token)
            }
            _ = await gateway.call(
                "server.exec",
                [
                    "server_id": id, "cmd": 71_000_010, "env": ["PIN": 71_000_011, "ON": true], "stdin": true,
                    "timeout_seconds": 12, "max_output_bytes": 34,
                ], as: token)
            _ = await gateway.call(
                "server.exec_many", ["server_ids": [id, 902, "71000012", [71_000_013]], "cmd": "x", "concurrency": 3],
                as: token)
            _ = await gateway.call(
                "profile.update", ["original_password": 71_000_014, "reject_password": true], as: session, origin: .rest
            )
            let rows = try await gateway.auditRows().reversed() as [AuditRecord]
            #expect(rows.count == 8)
            for row in rows { #expect(!"\(row)".contains("710000"), "\(row)") }
            let flags = rows.map { $0.argumentsRedacted.components(separatedBy: "true").count - 1 }
            #expect(flags == [1, 0, 0, 0, 0, 0, 0, 1])
            #expect(!rows.contains { $0.argumentsRedacted.contains("false") })
            #expect(rows.prefix(6).allSatisfy { $0.argumentsRedacted.contains("\"server_id\":\(server.id)") })
            #expect(rows[5].argumentsRedacted.contains(#""timeout_seconds":12,"max_output_bytes":34"#))
            #expect(rows[6].argumentsRedacted.contains("\"server_ids\":[\(server.id),902,{"))
            #expect(rows[6].argumentsRedacted.contains(#""concurrency":3"#))
            // The length and the keyed digest of the JSON text, as of a text.
            let pin = AuditDigests(dataKey: gateway.dataKey).hex(Array("71000001".utf8))
            #expect(rows[0].argumentsRedacted.contains(#"{"length":8,"digest":"\#(pin)"}"#))
        }
    }

    @Test("of texts only places and kinds are kept; numbers and flags only because their schema says so")
    func plainNames() async throws {
        let gateway = try await TestGateway()
        let texts: Set<String> = ["path", "cwd", "encoding", "mode", "metric", "period"]
        for definition in gateway.registry.definitions {
            let schema = try definition.inputSchema.document()
            for (name, member) in schema["properties"]?.objectValue ?? [:] {
                let kept = KeptArgument(member)
                if member["x-audit"] == "omit" {
                    #expect(definition.name == "fs.upload", "\(name): rows tell that it was given")
                } else if member["x-audit"] != nil {
                    #expect(kept != nil, "\(definition.name)/\(name): nothing to keep")
                }
                #expect(kept != .text || texts.contains(name), "\(definition.name)/\(name)")
                #expect(kept == nil || member["writeOnly"] == nil, "\(definition.name)/\(name)")
                var redaction = ArgumentRedaction(
                    digests: AuditDigests(dataKey: gateway.dataKey), kept: kept.map { [name: $0] } ?? [:])
                let shown = redaction.redact(7, under: name)
                #expect((shown == 7) == (kept == .value), "\(definition.name)/\(name)")
            }
        }
    }

    @Test("a result that breaks its schema is an internal error, and neither answer nor audit row shows it")
    func brokenOutput() async throws {
        let probe = ProbeTool(output: #"{"type": "object", "properties": {"value": {"maximum": 1}}}"#) {
            Number(value: 77_123)
        }
        try await TestGateway.running(extra: [probe]) { gateway in
            let user = try await gateway.user("user")
            let result = await gateway.call("probe.run", as: try await gateway.token(of: user))
            #expect(result.failureText == "internal error")
            #expect(result.outcome == .internalError)
            let row = try #require(try await gateway.auditRows().first)
            #expect(row.outcome == "internal_error")
            #expect(row.errorMessage == "internal error")
            #expect(gateway.log.lines.contains { $0.contains("probe.run") && $0.contains("/value") })
            #expect(!gateway.log.lines.contains { $0.contains("77123") })
        }
    }

    @Test("a result that is no JSON is an explicit tool error")
    func unencodable() async throws {
        let probe = ProbeTool { Number(value: .nan) }
        try await TestGateway.running(extra: [probe]) { gateway in
            let user = try await gateway.user("user")
            let result = await gateway.call("probe.run", as: try await gateway.token(of: user))
            #expect(result.failureText?.contains("encode") == true)
        }
    }

    @Test("an unexpected error is internal: its text goes to the log only; one of the storage is a database error")
    func unexpectedErrors() async throws {
        struct Surprise: Error { var secret = "canary" }
        let surprise = ProbeTool<NoOutput>("probe.surprise") { throw Surprise() }
        let storage = ProbeTool<NoOutput>("probe.storage") { throw StorageError.failed("disk canary") }
        try await TestGateway.running(extra: [surprise, storage]) { gateway in
            let token = try await gateway.token(of: try await gateway.user("user"))
            #expect(await gateway.call("probe.surprise", as: token).failureText == "internal error")
            #expect(await gateway.call("probe.storage", as: token).failureText == "database error")
            let rows = try await gateway.auditRows()
            #expect(!rows.contains { $0.errorMessage.contains("canary") })
        }
    }

    @Test("arguments may be absent or null; anything else but an object is refused before the tool runs")
    func argumentForms() async throws {
        let probe = ProbeTool { NoOutput() }
        try await TestGateway.running(extra: [probe]) { gateway in
            let token = try await gateway.token(of: try await gateway.user("user"))
            for good: JSONValue in [.null, [:], ["text": "short"], ["unknown": [1, 2]]] {
                #expect(await gateway.call("probe.run", good, as: token).outcome == .ok, "\(good.text)")
            }
            for bad: JSONValue in [[1], "text", 3, true, ["text": "much too long"], ["text": 1], ["text": .null]] {
                let result = await gateway.call("probe.run", bad, as: token)
                #expect(result.outcome == .invalidArguments, "\(bad.text)")
                #expect(result.failureText?.hasPrefix("invalid arguments: ") == true)
            }
        }
    }

    @Test("a tool name given twice and a schema that does not compile stop the start")
    func startErrors() async throws {
        let twice = ProbeTool("meta.whoami") { NoOutput() }
        await #expect(throws: ToolRegistryError.self) { _ = try await TestGateway(extra: [twice]) }
        let broken = ProbeTool("probe.broken", output: #"{"type": "objekt"}"#) { NoOutput() }
        await #expect(throws: ToolRegistryError.self) { _ = try await TestGateway(extra: [broken]) }
    }
}
