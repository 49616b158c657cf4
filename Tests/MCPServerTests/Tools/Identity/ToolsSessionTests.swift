import Foundation
import JSON
import Secrets
import Settings
import Storage
import TestSupport
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
        try #require(parts.count == 3)
        try #require(parts[1] == "\(user.id)")
        #expect(parts[2].utf8.count == 32)
        let session = try #require(try await gateway.storage.sessions.session(keyID: String(parts[2])))
        #expect(session.userID == user.id)
        #expect(session.ip == TestGateway.address)
        #expect(session.revokedAt == nil)
        #expect(session.expiresAt == gateway.now.addingTimeInterval(7200))
        #expect(session.tokenVersion == user.tokenVersion)
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
        // What is absent is wrong, too: as in the recordings, without a name it is an unknown user's row.
        let unknown = StrikeBook.unknownUserIdentifier
        let wrong: [(JSONObject, Int64)] = [
            (JSONObject(), unknown), (["password": "correct horse"], unknown),
            (["username": "", "password": ""], unknown), (["username": "owner"], user.id),
        ]
        for (arguments, identifier) in wrong {
            let result = await gateway.call(
                "session.create", .object(arguments), as: .guest, origin: .rest, ip: TestGateway.address)
            #expect(result.outcome == .unauthenticated)
            #expect(blocked())
            gateway.strikes.clear(ip: TestGateway.address, identifier: identifier)
            #expect(!blocked(), "\(arguments)")
        }
    }

    @Test(
        "a malformed form names no password",
        arguments: [
            (#"{"password": "canary"}"#, ToolOutcome.unauthenticated),
            (#"{"username": "", "password": "canary"}"#, .unauthenticated),
            (#"{"username": 1, "password": "canary"}"#, .invalidArguments),
            (#"{"username": "owner", "password": ["canary"]}"#, .invalidArguments),
        ])
    func malformed(json: String, outcome: ToolOutcome) async throws {
        try await TestGateway.running { gateway in
            let arguments = try JSONParser.parse(Array(json.utf8))
            let result = await gateway.call("session.create", arguments, as: .guest, origin: .rest)
            #expect(result.outcome == outcome)
            #expect(result.failureText?.contains("canary") != true)
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
        #expect(result["token"] == .string("signed.\(user.id).\(key)"))
        #expect(result["expire"] == "2027-01-15T09:30:00Z")
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
        #expect(result["id"] == .integer(user.id))
        #expect(result["username"] == "owner")
        #expect(result["role"] == 1)
        #expect(result["agent_secret"] == .string(try gateway.accounts.agentSecret(of: user)))
        #expect(result["login_ip"] == .string(TestGateway.address))
        #expect(result["oauth2_bind"] == [:])
        #expect(result["reject_password"] == nil)
        #expect(!result.text.contains("argon2"))
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
        #expect(await update("correct horse", "", "another one") == "username can't be empty")
        #expect(await update("correct horse", "taken", "another one") == "username already exists")
        #expect(await update("correct horse", "owner", "") == "password length must be greater than 6")
        #expect(await update("correct horse", "owner", "short") == "password length must be greater than 6")
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
