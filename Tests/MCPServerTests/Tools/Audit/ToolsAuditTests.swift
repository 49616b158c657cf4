import Foundation
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: the list of past calls")
struct ToolsAuditTests {
    private func row(
        _ tool: String, user: Int64, token: Int64 = 7, server: Int64 = 0, error: String = ""
    ) -> AuditRecord {
        AuditRecord(
            createdAt: Date(timeIntervalSince1970: 1_800_000_000), userID: user, tokenID: token, serverID: server,
            tool: tool, origin: "mcp", requestID: "r-9", argumentsHash: "the hash", argumentsRedacted: "the arguments",
            outcome: error.isEmpty ? "ok" : "agent_error", errorCode: error.isEmpty ? "" : "agent_error",
            errorMessage: error, durationMilliseconds: 12, ip: "192.0.2.1")
    }

    private func ids(
        _ gateway: TestGateway, _ arguments: JSONValue = [:], as caller: Principal
    ) async throws -> [Int64] {
        let result = try await gateway.call("audit.list", arguments, as: caller).get()
        return try #require(result["rows"]?.arrayValue).compactMap { $0["id"]?.int64Value }
    }

    @Test("a row shows who, what, where, how it ended and how long; nothing of the arguments")
    func members() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        try await gateway.storage.audit.append([
            row("server.exec", user: owner.id, server: 3, error: "no such file"), row("meta.whoami", user: owner.id),
        ])
        let result = try await gateway.call("audit.list", as: try await gateway.token(of: owner, [.serverRead])).get()
        let rows = try #require(result["rows"]?.arrayValue)
        #expect(
            rows.last == [
                "id": 1, "created_at": "2027-01-15T08:00:00.000Z", "user_id": .integer(owner.id), "token_id": 7,
                "tool": "server.exec", "server_id": 3, "outcome": "agent_error", "error": "no such file",
                "duration_ms": 12, "ip": "192.0.2.1", "request_id": "r-9",
            ])
        #expect(rows.first?["error"] == nil)
        #expect(result["next_before"] == nil)
    }

    @Test("Insecure direct reference: members see their own calls, administrators everybody's, a token needs admin")
    func visibility() async throws {
        let gateway = try await TestGateway()
        let admin = try await gateway.user("root", role: .administrator)
        let owner = try await gateway.user("owner")
        try await gateway.storage.audit.append([
            row("a", user: owner.id), row("b", user: admin.id), row("c", user: 0),
        ])
        #expect(try await ids(gateway, as: try await gateway.session(of: owner)) == [1])
        #expect(try await ids(gateway, as: try await gateway.token(of: owner, [.everything])) == [1])
        #expect(try await ids(gateway, as: try await gateway.session(of: admin)) == [3, 2, 1])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, [.everything])) == [3, 2, 1])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, [.admin])) == [3, 2, 1])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, [.serverRead])) == [2])
        #expect(await gateway.call("audit.list", as: .guest).outcome == .unauthenticated)
    }

    @Test(
        "Insecure direct reference: a token sees its own calls; those of its user's other tokens with server:read only")
    func otherTokens() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let admin = try await gateway.user("root", role: .administrator)
        let narrow = try await gateway.token(of: owner, [Scope("nezha:ddns:read")])
        let wide = try await gateway.token(of: owner, [.serverRead])
        let (narrowID, wideID) = (try #require(narrow.token).id, try #require(wide.token).id)
        try await gateway.storage.audit.append([
            row("by.narrow", user: owner.id, token: narrowID), row("by.wide", user: owner.id, token: wideID),
            row("login", user: owner.id, token: 0), row("by.admin", user: admin.id, token: 99),
            row("by.narrow", user: owner.id, token: narrowID, server: 3),
        ])
        #expect(try await ids(gateway, as: narrow) == [5, 1])
        #expect(try await ids(gateway, ["tool": "by.wide"], as: narrow) == [])
        #expect(try await ids(gateway, as: wide) == [5, 3, 2, 1])
        #expect(
            try await ids(gateway, as: try await gateway.token(of: owner, [Scope("nezha:server:*")])) == [5, 3, 2, 1])
        #expect(try await ids(gateway, as: try await gateway.session(of: owner)) == [5, 3, 2, 1])
        // What a member cannot issue gives them nothing beyond their own; an administrator's token goes by its scopes.
        #expect(try await ids(gateway, as: try await gateway.token(of: owner, [.admin])) == [])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, [Scope("nezha:ddns:read")])) == [])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, [.serverRead])) == [4])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, [.admin])) == [5, 4, 3, 2, 1])
    }

    @Test("Empty-set trap: a token with a server list sees rows of those servers and rows without server only")
    func serverList() async throws {
        let gateway = try await TestGateway()
        let admin = try await gateway.user("root", role: .administrator)
        try await gateway.storage.audit.append((0..<4).map { row("t", user: admin.id, server: $0) })
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, servers: [2, 3])) == [4, 3, 1])
        #expect(try await ids(gateway, as: try await gateway.token(of: admin, servers: [999])) == [1])
    }

    @Test("pages join without gap, and a tool filters")
    func pages() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let token = try await gateway.token(of: owner)
        try await gateway.storage.audit.append((0..<120).map { row($0 % 2 == 0 ? "even" : "odd", user: owner.id) })
        #expect(try await ids(gateway, as: token).count == 50)
        var seen: [Int64] = []
        var before: JSONValue = .null
        repeat {
            var arguments: JSONObject = ["limit": 32, "tool": ""]
            if before != .null { arguments["before"] = before }
            let page = try await gateway.call("audit.list", .object(arguments), as: token).get()
            seen += try #require(page["rows"]?.arrayValue).compactMap { $0["id"]?.int64Value }
            before = page["next_before"] ?? .null
        } while before != .null
        #expect(seen == (1...120).reversed())
        let odd = try await ids(gateway, ["tool": "odd", "limit": 2, "before": 100], as: token)
        #expect(odd == [98, 96])
        #expect(try await ids(gateway, ["limit": 60, "tool": "odd"], as: token).count == 60)
    }

    @Test("limit is 1 to 200", arguments: [0, -1, 201])
    func bounds(limit: Int64) async throws {
        let gateway = try await TestGateway()
        let token = try await gateway.token(of: try await gateway.user("owner"))
        let result = await gateway.call("audit.list", ["limit": .integer(limit)], as: token)
        #expect(result.outcome == .invalidArguments)
        #expect(result.failureText?.contains("/limit") == true)
    }

    @Test("a call is in the list once it is written, with the request's id")
    func live() async throws {
        try await TestGateway.running { gateway in
            let token = try await gateway.token(of: try await gateway.user("owner"))
            _ = await gateway.call("server.get", ["server_id": 99], as: token)
            await gateway.audit.flush()
            let result = try await gateway.call("audit.list", ["tool": "server.get"], as: token).get()
            let found = try #require(result["rows"]?.arrayValue?.first)
            #expect(found["outcome"] == "permission_denied")
            #expect(found["server_id"] == 99)
            #expect(found["request_id"] == "r-1")
            #expect(found["error"] == "permission denied")
        }
    }
}
