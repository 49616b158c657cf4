import AgentLink
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("The one door: who may call what on which server")
struct RegistryGateTests {
    /// Every tool that takes a server, with arguments that are good but for the server.
    static let targeted: [(tool: String, rest: JSONObject)] = [
        ("server.get", [:]), ("server.exec", ["cmd": "id"]), ("fs.list", ["path": "/"]),
        ("fs.read", ["path": "/a"]), ("fs.write", ["path": "/a", "content": ""]), ("fs.delete", ["path": "/a"]),
        ("fs.download_url", ["path": "/a"]), ("fs.upload_url", ["path": "/a"]), ("server.metrics", [:]),
        ("fs.stat", ["path": "/a"]), ("terminal.open", [:]), ("file_manager.open", [:]),
        ("fs.download", ["path": "/a", "head": true]), ("fs.upload", ["path": "/a", "size": 1]),
    ]

    private static func arguments(_ rest: JSONObject, server: JSONValue) -> JSONValue {
        var arguments = rest
        arguments["server_id"] = server
        return .object(arguments)
    }

    @Test("the list of tools that take a server is complete")
    func complete() async throws {
        let gateway = try await TestGateway()
        let names = gateway.registry.definitions.filter { $0.target != .none }.map(\.name)
        #expect(names == Self.targeted.map(\.tool))
    }

    @Test(
        "Indirect reference: a foreign server, one outside the token's list and one that does not exist answer alike",
        arguments: targeted.map(\.tool))
    func foreignAndUnknown(tool: String) async throws {
        try await TestGateway.running { gateway in
            let rest = try #require(Self.targeted.first { $0.tool == tool }).rest
            let owner = try await gateway.user("owner")
            let other = try await gateway.user("other")
            let mine = try await gateway.server(of: owner.id)
            let unlisted = try await gateway.server(of: owner.id)
            let foreign = try await gateway.server(of: other.id)
            let nobodys = try await gateway.server(of: 0)
            for id in [mine, unlisted, foreign, nobodys].map(\.id) {
                gateway.network.attach(id) { _, _ in
                    Issue.record("server \(id) must not be called")
                    return .init(data: "{}", successful: true)
                }
            }
            let listed = try await gateway.token(of: owner, servers: [mine.id, foreign.id, nobodys.id])
            for id in [unlisted.id, foreign.id, nobodys.id, 999_999] {
                let result = await gateway.call(tool, Self.arguments(rest, server: .integer(id)), as: listed)
                #expect(result.outcome == .permissionDenied, "\(id)")
                #expect(result.failureText == "permission denied", "\(id)")
            }
        }
    }

    @Test(
        "an administrator reaches everybody's servers, their token only those on its list",
        arguments: targeted.map(\.tool))
    func administrator(tool: String) async throws {
        try await TestGateway.running { gateway in
            let rest = try #require(Self.targeted.first { $0.tool == tool }).rest
            let admin = try await gateway.user("root", role: .administrator)
            let other = try await gateway.user("other")
            let first = try await gateway.server(of: other.id)
            let second = try await gateway.server(of: 0)
            let free = try await gateway.token(of: admin)
            let listed = try await gateway.token(of: admin, servers: [first.id])
            // No agent is attached: past the gate, calls find it offline, and an upload finds no body.
            let passed: [ToolOutcome] = tool == "fs.upload" ? [.rejected] : [.ok, .serverOffline]
            for server in [first, second] {
                let arguments = Self.arguments(rest, server: .integer(server.id))
                #expect(passed.contains(await gateway.call(tool, arguments, as: free).outcome))
                let expected: [ToolOutcome] = server == first ? passed : [.permissionDenied]
                #expect(expected.contains(await gateway.call(tool, arguments, as: listed).outcome))
            }
            let unknown = await gateway.call(tool, Self.arguments(rest, server: 999_999), as: free)
            #expect(unknown.failureText == "agent offline")
        }
    }

    @Test(
        "a missing, zero, negative, fractional or non-numeric server id is an argument error",
        arguments: targeted.map(\.tool))
    func malformedID(tool: String) async throws {
        try await TestGateway.running { gateway in
            let rest = try #require(Self.targeted.first { $0.tool == tool }).rest
            let token = try await gateway.token(of: try await gateway.user("user"))
            for missing: JSONValue? in [nil, .null, 0] {
                var arguments = rest
                arguments["server_id"] = missing
                let result = await gateway.call(tool, .object(arguments), as: token)
                #expect(result.failureText == "server_id required")
                #expect(result.outcome == .invalidArguments)
            }
            let huge = JSONValue.number(try #require(JSONNumber(text: "18446744073709551615")))
            for bad: JSONValue in [-1, "1", true, [1], .double(1.5), huge] {
                let result = await gateway.call(tool, Self.arguments(rest, server: bad), as: token)
                #expect(result.outcome == .invalidArguments, "\(bad.text)")
            }
        }
    }

    @Test("a token without the scope is refused by name, whichever other scopes it has")
    func scopes() async throws {
        try await TestGateway.running { gateway in
            let user = try await gateway.user("user")
            let server = try await gateway.server(of: user.id)
            for definition in gateway.registry.definitions {
                guard case .user(let needed) = definition.access, let scope = needed.first else { continue }
                let others = Scope.issuable.filter { !$0.covers(scope) }
                let token = try await gateway.token(
                    of: user, Array(others) + ["mcp:*", "*", "nezha:", ":*"].map { Scope($0) })
                let result = await gateway.call(definition.name, ["server_id": .integer(server.id)], as: token)
                #expect(result.failureText == "missing required scope: \(scope)", "\(definition.name)")
                #expect(result.outcome == .scopeDenied)
            }
        }
    }

    @Test("account tools refuse tokens, even nezha:*, and guests")
    func sessionOnly() async throws {
        try await TestGateway.running { gateway in
            let admin = try await gateway.user("root", role: .administrator)
            let token = try await gateway.token(of: admin)
            let tools = gateway.registry.definitions.filter { $0.access == .sessionOnly }
            #expect(
                tools.map(\.name) == [
                    "session.refresh", "profile.get", "profile.update", "token.list", "token.create", "token.delete",
                    "token.rename",
                ])
            for tool in tools {
                #expect(
                    await gateway.call(tool.name, as: token).failureText
                        == "this endpoint is not accessible by api token")
                #expect(await gateway.call(tool.name, as: .guest).outcome == .unauthenticated)
            }
        }
    }

    @Test("administration needs the role, and of a token the scope besides")
    func administration() async throws {
        try await TestGateway.running { gateway in
            let admin = try await gateway.user("root", role: .administrator)
            let member = try await gateway.user("member")
            let form: JSONValue = ["enable_mcp": true]
            let narrow = try await gateway.token(of: admin, [.inventoryRead])
            #expect(await gateway.call("setting.update", form, as: narrow).outcome == .scopeDenied)
            let stolen = try await gateway.token(of: member, [.admin])
            #expect(await gateway.call("setting.update", form, as: stolen).failureText == "permission denied")
            #expect(
                await gateway.call("setting.update", form, as: try await gateway.session(of: member)).outcome
                    == .permissionDenied)
            #expect(await gateway.call("setting.update", form, as: .guest).outcome == .unauthenticated)
            #expect(
                await gateway.call("setting.update", form, as: try await gateway.token(of: admin, [.admin])).outcome
                    == .ok)
            #expect(await gateway.call("setting.update", form, as: try await gateway.session(of: admin)).outcome == .ok)
        }
    }

    @Test("the version gate: 2.1.0 and later, and agents that never reported; not for server.get")
    func versions() async throws {
        try await TestGateway.running { gateway in
            let user = try await gateway.user("user")
            let server = try await gateway.server(of: user.id)
            let token = try await gateway.token(of: user)
            let answer = #"{"exit_code":0,"stdout":"","stderr":"","duration_ms":0}"#
            let table: [(version: String?, passes: Bool)] = [
                ("2.1.0", true), ("v2.1.0", true), ("v2.1.0-beta.1", true), ("2.1.0+build", true), ("v2.10.0", true),
                ("3", true), ("v2.0.4", false), ("2.0.99", false), ("1.18.0", false), ("", false), ("garbage", false),
                ("vv2.1.0", false), (nil, true),
            ]
            for (version, passes) in table {
                gateway.network.attach(server.id, presence: AgentPresence(host: version.map { HostInfo(version: $0) }))
                {
                    _, _ in AgentTaskReply(data: answer, successful: true)
                }
                let arguments: JSONValue = ["server_id": .integer(server.id), "cmd": "true"]
                let outcome = await gateway.call("server.exec", arguments, as: token).outcome
                #expect(outcome == (passes ? .ok : .unsupportedAgent), "\(version ?? "never reported")")
                #expect(await gateway.call("server.get", arguments, as: token).outcome == .ok)
            }
        }
    }

    @Test("Binding to an id that does not exist yet: owner 0 is no administrator and owns nothing")
    func ownerZero() {
        let zero = Principal(
            user: UserIdentity(id: 0, username: "", isAdministrator: false),
            credential: .session(SessionIdentity(keyID: "k")))
        #expect(!zero.owns(resourceOf: 0))
        #expect(!zero.owns(resourceOf: 1))
        #expect(!Principal.guest.owns(resourceOf: 0))
    }
}
