import Foundation
import HTTP
import JSON
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("Audit: a call that comes to no tool leaves its row too")
struct RefusedCallTests {
    private struct Scene: Sendable {
        let gateway: TestGateway
        let endpoint: MCPEndpoint
        let owner: UserRecord
        let token: APITokenRecord
        let secret: String

        init(_ gateway: TestGateway) async throws {
            self.gateway = gateway
            owner = try await gateway.user("owner")
            let issued = try await gateway.issuer.issue(
                TokenIssuer.Request(name: "ci", scopes: ["nezha:server:*"]), for: UserIdentity(owner))
            (token, secret) = (issued.token, issued.secret)
            try await gateway.identity.refresh()
            endpoint = gateway.endpoint()
        }

        @discardableResult
        func post(_ body: String, secret: String? = nil, fields: HTTPFields = [:]) async throws -> JSONValue {
            var fields = fields
            fields[.authorization] = "Bearer \(secret ?? self.secret)"
            let bytes = Mutex<[UInt8]?>(Array(body.utf8))
            let head = HTTPRequest(
                method: .post, scheme: "http", authority: "gateway.test", path: "/mcp", headerFields: fields)
            let response = await endpoint.handle(
                InboundRequest(
                    head: head, id: "r-7", client: ClientAddress(peer: "192.0.2.1", real: "192.0.2.1"),
                    isSecure: false, body: RequestBody { bytes.withLock { $0.take() } }))
            let text = try await TransferHTTP.bytes(response)
            return text.isEmpty ? .null : try JSONParser.parse(text)
        }

        func call(_ params: String, id: String = #""id": 1, "#) async throws -> JSONValue {
            try await post(#"{"jsonrpc": "2.0", \#(id)"method": "tools/call", "params": \#(params)}"#)
        }
    }

    private func running(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
        try await TestGateway.running { try await body(try await Scene($0)) }
    }

    @Test(
        "an unknown tool, one that is not enabled, an internal one, and parameters of the wrong form",
        arguments: [
            (#"{"name": "no.such", "arguments": {"password": "canary"}}"#, "no.such", "unknown tool: no.such"),
            (#"{"name": "fs.stat", "arguments": {"path": "canary"}}"#, "fs.stat", "unknown tool: fs.stat"),
            (#"{"name": "session.create", "arguments": {"password": "canary"}}"#, "session.create", "unknown tool: "),
            (#"{"name": ""}"#, "", "tool name required"), ("{}", "", "tool name required"),
            ("null", "", "tool name required"),
            (#"{"name": 7}"#, "", "params.name: expected string, found number"),
            (#"["canary"]"#, "", "params: expected object, found array"),
            (#""canary""#, "", "params: expected object or array, found string"),
        ])
    func malformed(params: String, tool: String, text: String) async throws {
        try await running { scene in
            let answer = try await scene.call(params)
            #expect(answer["error"]?["message"]?.stringValue?.contains(text) == true)
            let rows = try await scene.gateway.auditRows()
            let row = try #require(rows.first)
            #expect(rows.count == 1)
            #expect(row.tool == tool)
            #expect(row.outcome == "invalid_args")
            #expect(row.errorMessage.contains(text))
            #expect(row.origin == "mcp")
            #expect(row.requestID == "r-7")
            #expect(row.userID == scene.owner.id)
            #expect(row.tokenID == scene.token.id)
            #expect(row.ip == "192.0.2.1")
            #expect(row.argumentsHash.isEmpty)
            #expect(row.argumentsRedacted.isEmpty)
            #expect(!"\(row)".contains("canary"))
        }
    }

    @Test("a call that names its revision wrongly")
    func wrongRevision() async throws {
        try await running { scene in
            let call = #"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "meta.whoami"}}"#
            try await scene.post(call, fields: [.mcpProtocolVersion: "1999-01-01"])
            let rows = try await scene.gateway.auditRows()
            #expect(rows.map(\.tool) == ["meta.whoami"])
            #expect(rows.map(\.outcome) == ["invalid_args"])
            #expect(rows.first?.errorMessage == "MCP-Protocol-Version: unknown revision")
        }
    }

    @Test("names and texts that are long are cut")
    func longNames() async throws {
        try await running { scene in
            _ = try await scene.call(#"{"name": "\#(String(repeating: "é", count: 100_000))"}"#)
            let row = try #require(try await scene.gateway.auditRows().first)
            #expect(row.tool == String(repeating: "é", count: 32))
            #expect(row.errorMessage.utf8.count < 200)
        }
    }

    @Test("what is no call leaves none: other methods, calls without id, bodies that are no message")
    func others() async throws {
        try await running { scene in
            for body in [
                #"{"jsonrpc": "2.0", "id": 1, "method": "no/such"}"#, #"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#,
                #"{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": 7}"#, "no json", "[]",
                #"{"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "no.such"}}"#,
                #"{"jsonrpc": "2.0", "method": "tools/call", "params": 7}"#,
            ] {
                try await scene.post(body)
            }
            #expect(try await scene.gateway.auditRows().isEmpty)
        }
    }

    @Test("calls while MCP is off leave five rows a token and minute; other messages and unknown tokens leave none")
    func disabled() async throws {
        try await running { scene in
            let gateway = scene.gateway
            let other = try await gateway.issuer.issue(
                TokenIssuer.Request(name: "other", scopes: ["nezha:server:read"]), for: UserIdentity(scene.owner))
            try await gateway.identity.refresh()
            gateway.settings.set { $0.enableMCP = false }
            let call = #"{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "meta.whoami"}}"#
            try await scene.post(#"{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}"#)
            try await scene.post("no json")
            try await scene.post(call, secret: "nzp_unknown")
            #expect(try await gateway.auditRows().isEmpty)
            for _ in 0..<8 {
                #expect(try await scene.post(call)["error"]?["code"] == -32002)
            }
            try await scene.post(call, secret: other.secret)
            let rows = try await gateway.auditRows()
            #expect(rows.map(\.tokenID) == [other.token.id] + Array(repeating: scene.token.id, count: 5))
            #expect(rows.allSatisfy { $0.outcome == "mcp_disabled" && $0.tool == "meta.whoami" })
            gateway.advance(60)
            try await scene.post(call)
            #expect(try await gateway.auditRows().count == 7)
        }
    }

    @Test("a flood of them is held back by the rate limit, whose refusals leave one row a window")
    func flood() async throws {
        try await running { scene in
            scene.gateway.settings.set { $0.mcpRateLimitPerMinute = 3 }
            for _ in 0..<50 { _ = try await scene.call(#"{"name": "no.such"}"#) }
            let outcomes = try await scene.gateway.auditRows().map(\.outcome)
            #expect(outcomes.count { $0 == "invalid_args" } == 3)
            // One for each second that the fifty took.
            #expect((1...20).contains(outcomes.count { $0 == "rate_limited" }))
        }
    }

    @Test("a token without budget is answered by its id up to 64 KiB, and beyond that without its body being read")
    func largeBodyOverBudget() async throws {
        try await running { scene in
            scene.gateway.settings.set { ($0.mcpRateLimitPerSecond, $0.mcpRateLimitPerMinute) = (1, 1) }
            func ping(_ count: Int) async throws -> JSONValue {
                let head = #"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"pad":""#
                let tail = #""}}"#
                return try await scene.post(
                    head + String(repeating: "x", count: count - head.utf8.count - tail.utf8.count) + tail)
            }
            #expect(try await ping(MCPEndpoint.refusedBodyLimit + 1)["result"] == [:])
            let small = try await ping(MCPEndpoint.refusedBodyLimit)
            #expect(small["id"] == 7)
            #expect(small["error"]?["code"] == -32002)
            let large = try await ping(MCPEndpoint.refusedBodyLimit + 1)
            #expect(large["id"] == nil)
            #expect(large["error"]?["code"] == -32002)
        }
    }
}
