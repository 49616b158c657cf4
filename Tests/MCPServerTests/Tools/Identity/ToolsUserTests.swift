import JSON
import Secrets
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: users")
struct ToolsUserTests {
    private func administrator(_ gateway: TestGateway) async throws -> Principal {
        try await gateway.session(of: try await gateway.user("root", role: .administrator))
    }

    @Test("a made user is listed and can log in; names and ids are told apart")
    func life() async throws {
        try await TestGateway.running { gateway in
            let admin = try await administrator(gateway)
            let made = try await gateway.call(
                "user.create", ["username": "ada", "password": "long enough", "role": 1], as: admin, origin: .rest
            ).get()
            let list = try await gateway.call("user.list", as: admin, origin: .rest).get().arrayValue ?? []
            #expect(list.compactMap { user in user["username"]?.stringValue } == ["root", "ada"])
            #expect(list.last?["id"] == made["id"])
            #expect(list.last?["role"] == 1)
            #expect(list.last?["agent_secret"]?.stringValue?.utf8.count == 32)
            let stored = try #require(try await gateway.storage.users.user(named: "ada"))
            #expect(PasswordHash.verify("long enough", against: stored.passwordHash))
        }
    }

    @Test(
        "what breaks a rule makes nobody",
        arguments: [
            (#"{}"#, "password length must be greater than 6"),
            (#"{"username": "a", "password": "12345", "role": 1}"#, "password length must be greater than 6"),
            (#"{"username": " ", "password": "123456", "role": 1}"#, "username can't be empty"),
            (#"{"username": "a", "password": "123456"}"#, "invalid role"),
            (#"{"username": "a", "password": "123456", "role": 2}"#, "invalid role"),
            (#"{"username": "root", "password": "123456", "role": 1}"#, "username already exists"),
        ])
    func refused(form: String, text: String) async throws {
        try await TestGateway.running { gateway in
            let admin = try await administrator(gateway)
            let result = await gateway.call(
                "user.create", try JSONParser.parse(Array(form.utf8)), as: admin, origin: .rest)
            #expect(result.failureText == text)
            #expect(try await gateway.storage.users.count() == 1)
        }
    }

    @Test("deleting ends tokens, log-ins and transfer URLs at once, and never oneself")
    func delete() async throws {
        try await TestGateway.running { gateway in
            let admin = try await administrator(gateway)
            let user = try await gateway.user("ada")
            let server = try await gateway.server(of: user.id)
            let session = try await gateway.session(of: user)
            let own = try #require(admin.user?.id)
            for (ids, text) in [
                ([], "user id not specified"), ([user.id, own], "can't delete yourself"),
            ] as [([Int64], String)] {
                let result = await gateway.call(
                    "user.delete", ["ids": .array(ids.map { .integer($0) })], as: admin, origin: .rest)
                #expect(result.failureText == text)
            }
            #expect(try await gateway.storage.users.count() == 2)
            let result = await gateway.call(
                "user.delete", ["ids": [.integer(user.id), 999]], as: admin, origin: .rest)
            #expect(result.outcome == .ok)
            #expect(gateway.identity.user(id: user.id) == nil)
            #expect(gateway.identity.server(id: server.id) == nil)
            #expect(try await gateway.identity.reload(session, now: gateway.now) == nil)
        }
    }

    @Test("members and tokens without the right make, list and delete nobody")
    func rights() async throws {
        try await TestGateway.running { gateway in
            let user = try await gateway.user("ada")
            let session = try await gateway.session(of: user)
            for tool in ["user.list", "user.create", "user.delete", "waf.list", "online_user.list", "maintenance.run"] {
                #expect(await gateway.call(tool, ["ids": []], as: session, origin: .rest).outcome == .permissionDenied)
                #expect(await gateway.call(tool, ["ids": []], as: .guest, origin: .rest).outcome == .unauthenticated)
            }
        }
    }

    @Test("a token gets another name from its owner and from administrators, nothing else of it changes")
    func rename() async throws {
        try await TestGateway.running { gateway in
            let owner = try await gateway.session(of: try await gateway.user("ada"))
            let other = try await gateway.session(of: try await gateway.user("bob"))
            let made = try await gateway.call(
                "token.create", ["name": "first", "scopes": ["nezha:inventory:read"]], as: owner, origin: .rest
            ).get()
            let id = try #require(made["id"])
            func rename(_ name: String, as principal: Principal) async -> String? {
                await gateway.call(
                    "token.rename", ["id": id, "name": .string(name)], as: principal, origin: .rest
                ).failureText
            }
            #expect(await rename(" second ", as: owner) == nil)
            #expect(await rename("third", as: other) == "not found")
            #expect(await rename("", as: owner) == "name required")
            #expect(await rename(String(repeating: "x", count: 129), as: owner) == "name too long (max 128 chars)")
            let token = try #require(try await gateway.storage.tokens.tokens(of: owner.user?.id).first)
            #expect(token.name == "second")
            #expect(token.scopes == ["nezha:inventory:read"])
        }
    }
}
