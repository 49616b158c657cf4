import Foundation
import Secrets
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: log-in, refresh, profile")
struct ToolsSessionTests {
    private static func login(
        _ gateway: TestGateway, _ name: String, _ password: String, ip: String? = TestGateway.address
    ) async -> Result<JSONValue, ToolFailure> {
        await gateway.call(
            "session.create", ["username": .string(name), "password": .string(password)], as: .guest, origin: .rest,
            ip: ip)
    }

    @Test("a good password makes a session that is bound to the address and ends after jwt_timeout hours")
    func login() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner", password: "correct horse")
        gateway.settings.set { $0.jwtTimeout = 2 }
        let result = try await Self.login(gateway, "owner", "correct horse").get()
        #expect(result["expire"] == "2027-01-15T10:00:00Z")
        let parts = try #require(result["token"]?.stringValue).split(separator: ".")
        #expect(parts.count == 3 && parts[1] == "\(user.id)" && parts[2].utf8.count == 32)
        let session = try #require(try await gateway.storage.sessions.session(keyID: String(parts[2])))
        #expect(session.userID == user.id && session.ip == TestGateway.address && session.revokedAt == nil)
        #expect(session.expiresAt == gateway.now.addingTimeInterval(7200) && session.tokenVersion == user.tokenVersion)
        #expect(session.userAgentHash == SHA256Digest.hex(Array("tests".utf8)))
    }

    @Test("wrong name, wrong password and refused log-in answer alike")
    func refusals() async throws {
        let gateway = try await TestGateway()
        var locked = try await gateway.user("locked", password: "correct horse")
        locked.rejectPassword = true
        try await gateway.storage.users.update(locked)
        _ = try await gateway.user("owner", password: "correct horse")
        for (name, password) in [
            ("nobody", "correct horse"), ("owner", "wrong horse"), ("owner", "correct horse "),
            ("OWNER", "correct horse"), ("locked", "correct horse"), ("locked", "wrong"),
        ] {
            let result = await Self.login(gateway, name, password)
            guard case .failure(.loginFailed) = result else {
                Issue.record("\(name): \(result)")
                continue
            }
            #expect(result.outcome == .unauthenticated)
        }
    }

    @Test("failures strike the user's row or that of unknown users; success clears both")
    func strikes() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner", password: "correct horse")
        func blocked() -> Bool { gateway.strikes.isBlocked(ip: TestGateway.address) }
        _ = await Self.login(gateway, "owner", "wrong")
        #expect(blocked())
        gateway.strikes.clear(ip: TestGateway.address, identifier: user.id)
        #expect(!blocked())
        _ = await Self.login(gateway, "nobody", "wrong")
        #expect(blocked())
        gateway.strikes.clear(ip: TestGateway.address, identifier: user.id)
        #expect(blocked())
        _ = await Self.login(gateway, "owner", "wrong")
        _ = try await Self.login(gateway, "owner", "correct horse").get()
        #expect(!blocked())
        _ = await Self.login(gateway, "owner", "wrong", ip: nil)
        #expect(!blocked())
    }

    @Test(
        "a malformed form names no password",
        arguments: [
            #"{}"#, #"{"username": "owner"}"#, #"{"password": "canary"}"#, #"{"username": 1, "password": "canary"}"#,
            #"{"username": "owner", "password": ["canary"]}"#, #"{"username": "", "password": "canary"}"#,
        ])
    func malformed(json: String) async throws {
        try await TestGateway.running { gateway in
            let arguments = try JSONParser.parse(Array(json.utf8))
            let result = await gateway.call("session.create", arguments, as: .guest, origin: .rest)
            #expect(result.outcome == .invalidArguments && result.failureText?.contains("canary") == false)
            #expect(try await gateway.auditRows().contains { "\($0)".contains("canary") } == false)
        }
    }

    @Test("refresh moves the expiry of the same session; a revoked one stays revoked")
    func refresh() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        let principal = try await gateway.session(of: user)
        let key = try #require(principal.session).keyID
        gateway.advance(1800)
        let result = try await gateway.call("session.refresh", as: principal, origin: .rest).get()
        #expect(result["token"] == .string("signed.\(user.id).\(key)") && result["expire"] == "2027-01-15T09:30:00Z")
        let row = try await gateway.storage.sessions.session(keyID: key)
        #expect(row?.expiresAt == gateway.now.addingTimeInterval(3600))
        try await gateway.storage.sessions.revoke(keyID: key, at: gateway.now)
        #expect(await gateway.call("session.refresh", as: principal, origin: .rest).outcome == .unauthenticated)
    }

    @Test("the profile shows the own account with the agent secret, and never the password's hash")
    func profile() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner")
        let result = try await gateway.call(
            "profile.get", as: try await gateway.session(of: user), origin: .rest
        ).get()
        #expect(result["id"] == .integer(user.id) && result["username"] == "owner" && result["role"] == 1)
        #expect(result["agent_secret"] == .string(try gateway.accounts.agentSecret(of: user)))
        #expect(result["login_ip"] == .string(TestGateway.address) && result["oauth2_bind"] == [:])
        #expect(result["reject_password"] == nil && !result.text.contains("argon2"))
    }

    @Test(
        "a changed profile needs the old password, replaces name and password, and voids the sessions; tokens live on")
    func updateProfile() async throws {
        let gateway = try await TestGateway()
        let user = try await gateway.user("owner", password: "correct horse")
        _ = try await gateway.user("taken")
        let session = try await gateway.session(of: user)
        let token = try await gateway.token(of: user)
        func update(_ old: String, _ name: String, _ new: String, reject: Bool = false) async -> String? {
            await gateway.call(
                "profile.update",
                [
                    "original_password": .string(old), "new_username": .string(name), "new_password": .string(new),
                    "reject_password": .bool(reject),
                ], as: session, origin: .rest
            ).failureText
        }
        #expect(await update("wrong", "owner", "another one") == "incorrect password")
        #expect(await update("correct horse", "", "another one") == "username required")
        #expect(await update("correct horse", "taken", "another one") == "username already exists")
        #expect(await update("correct horse", "owner", "") == "password required")
        #expect(await update("correct horse", "owner", "short") == "password too short (min 6 bytes)")
        #expect(
            await update("correct horse", "owner", String(repeating: "p", count: 73))
                == "password too long (max 72 bytes)")
        #expect(
            await update("correct horse", "owner", "another one", reject: true) == "you don't have any oauth2 bindings")
        #expect(try await gateway.identity.reload(session, now: gateway.now) != nil)

        #expect(await update("correct horse", "renamed", "another one") == nil)
        #expect(gateway.identity.user(id: user.id)?.username == "renamed")
        #expect(try await gateway.identity.reload(session, now: gateway.now) == nil)
        #expect(try await gateway.identity.reload(token, now: gateway.now) != nil)
        #expect(await Self.login(gateway, "owner", "correct horse").outcome == .unauthenticated)
        #expect(await Self.login(gateway, "renamed", "another one").outcome == .ok)
    }
}
