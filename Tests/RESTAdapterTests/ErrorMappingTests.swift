import Foundation
import HTTP
import JSON
import MCPServer
import Secrets
import Storage
import Testing

@testable import RESTAdapter

@Suite("Failures")
struct ErrorMappingTests {
    @Test(
        "each failure of a tool has its status and its words",
        arguments: [
            (ToolFailure.unauthenticated, 200, "ApiErrorUnauthorized"), (.loginFailed, 200, "ApiErrorUnauthorized"),
            (.scopeMissing(.serverExec), 403, "ApiErrorForbidden: api token lacks scope nezha:server:exec"),
            (.tokenForbidden, 403, "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.notAdministrator, 200, "permission denied"), (.permissionDenied, 200, "permission denied"),
            (.invalidArguments("invalid arguments: /x"), 200, "invalid arguments: /x"),
            (.rejected("not found"), 200, "not found"),
            (.serverOffline, 200, "server not found or not connected"),
            (.agentTimeout, 200, "operation timeout"), (.agentError("no", structured: 1), 200, "no"),
            (.unsupportedAgent, 200, "agent does not support this MCP capability; please upgrade the agent"),
            (.mcpDisabled, 200, "MCP is disabled by the dashboard administrator"),
            (.rateLimited(retryAfterSeconds: 3), 200, "rate limit exceeded for this token"),
            (.busy(retryAfterSeconds: 5), 503, "the gateway is busy; try again later"),
            (.cancelled(.shutdown), 200, "the gateway is shutting down"), (.database, 200, "database error"),
            (.unencodable("canary"), 200, "failed to encode tool result"),
            (.internalError("canary"), 200, "internal error"),
        ])
    func failures(failure: ToolFailure, status: Int, text: String) async throws {
        let fake = FakeTool("fake") { _ in throw failure }
        let world = try await TestWorld(fakes: [fake], routes: [Route(.get, "/fake", "fake")])
        let answer = try await world.send(.get, "/api/v1/fake", bearer: world.session())
        #expect((answer.status, answer.error) == (status, text))
        #expect(answer.text.hasPrefix(#"{"success":false,"error":""#))
        #expect(answer.fields[.contentType] == "application/json; charset=utf-8")
        #expect((answer.fields[.wwwAuthenticate] != nil) == (text == "ApiErrorUnauthorized"))
    }

    @Test("a log-in that was refused for load says so and when to come back; it is no failed log-in")
    func busy() async throws {
        let fake = FakeTool("fake", access: .open) { _ in throw SecretsError.busy }
        let route = Route(.post, "/fake", "fake", body: .object, credentials: .none, effect: .login)
        let world = try await TestWorld(fakes: [fake], routes: [route])
        let answer = try await world.send(.post, "/api/v1/fake", body: "{}")
        #expect((answer.status, answer.error) == (503, "the gateway is busy; try again later"))
        #expect(answer.fields[.retryAfter] == "5")
        #expect(answer.fields[.wwwAuthenticate] == nil)
        #expect(!world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test("errors that are no failures of a tool say nothing of themselves")
    func others() async throws {
        struct Canary: Error {}
        for (error, text) in [
            (StorageError.failed("canary") as any Error, "database error"),
            (StorageError.duplicate(field: "canary"), "database error"), (Canary(), "internal error"),
        ] {
            let fake = FakeTool("fake") { _ in throw error }
            let world = try await TestWorld(fakes: [fake], routes: [Route(.get, "/fake", "fake")])
            let answer = try await world.send(.get, "/api/v1/fake", bearer: world.session())
            #expect((answer.status, answer.error) == (200, text))
        }
    }

    @Test("Secrets in answers: no canary in any answer, nor in the audit log")
    func canaries() async throws {
        let world = try await TestWorld()
        let admin = try await world.user("admin")
        let agentSecret = try world.accounts.agentSecret(of: admin)
        let session = try await world.session()
        let token = try await world.token("nezha:*")
        var texts: [String] = []
        let requests: [(HTTPRequest.Method, String, String?)] = [
            (.post, "/login", #"{"username":"admin","password":"canary-password"}"#),
            (.post, "/login", #"{"username":"canary-password","password":"canary-password""#),
            (
                .post, "/profile",
                #"{"original_password":"canary-password","new_username":"x","new_password":"canary-2"}"#
            ),
            (.post, "/profile", #"{"original_password":"canary-password","new_username":1,"new_password":"canary-2"}"#),
            (.get, "/server?token=canary-query&x=%zz", nil), (.get, "/server?token=canary-query", nil),
            (.get, "/setting", nil), (.get, "/server", nil), (.get, "/api-tokens", nil), (.get, "/canary-path", nil),
            (.delete, "/api-tokens/canary-path", nil), (.patch, "/setting", #"{"site_name":"#),
        ]
        for bearer in [nil, session, token, token + "x", "canary.canary.canary"] {
            for (method, path, body) in requests {
                texts.append(try await world.send(method, "/api/v1" + path, bearer: bearer, body: body).text)
            }
        }
        await world.audit.flush()
        for row in try await world.storage.audit.rows(AuditSelection(), limit: 1000) {
            texts.append("\(row)")
        }
        let secrets = [
            "canary", TestWorld.secretText, TestWorld.password, session, token, agentSecret, admin.passwordHash,
            admin.agentSecretHash, world.dataKey.keyedHash(token),
        ]
        for text in texts {
            for secret in secrets { #expect(!text.contains(secret), "\(text)") }
        }
        #expect(try await world.send(.get, "/api/v1/profile", bearer: session).text.contains(agentSecret))
    }
}
