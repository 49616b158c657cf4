import Foundation
import HTTP
import JSON
import MCPServer
import Settings
import Storage
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("Life of a session")
struct SessionLifeTests {
    private func login(
        _ world: TestWorld, _ name: String = "member", _ password: String = TestWorld.password, isSecure: Bool = false
    ) async throws -> Answer {
        try await world.send(
            .post, "/api/v1/login", body: #"{"username":"\#(name)","password":"\#(password)"}"#, isSecure: isSecure)
    }

    private func isIn(_ world: TestWorld, _ text: String, ip: String? = TestWorld.address) async throws -> Bool {
        let answer = try await world.send(.get, "/api/v1/profile", bearer: text, ip: ip)
        if !answer.succeeded { #expect((answer.status, answer.error) == (200, "ApiErrorUnauthorized")) }
        return answer.succeeded
    }

    @Test("log-in answers token and expiry and sets both cookies")
    func cookies() async throws {
        let world = try await TestWorld()
        let answer = try await login(world)
        #expect(Set(answer.data?.objectValue?.keys ?? []) == ["token", "expire"])
        #expect(answer.data?["expire"] == "2027-01-15T09:00:00Z")
        let text = try #require(answer.data?["token"]?.stringValue)
        #expect(try await isIn(world, text))
        #expect(answer.cookies.count == 2)
        #expect(answer.cookies.first == "nz-jwt=\(text); Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
        let csrf = try #require(answer.cookie("nz-csrf"))
        #expect(answer.cookies.last == "nz-csrf=\(csrf); Path=/; Max-Age=3600; SameSite=Strict")
    }

    @Test("over TLS, here or at a proxy, the cookies never leave it; they live as long as jwt_timeout")
    func secureCookies() async throws {
        let world = try await TestWorld()
        world.settings.set { $0.jwtTimeout = 12 }
        let answer = try await login(world, isSecure: true)
        #expect(answer.cookies.count == 2)
        for cookie in answer.cookies { #expect(cookie.contains("; Secure")) }
        #expect(answer.cookies[0].contains("Max-Age=43200"))
        let body = #"{"username":"member","password":"\#(TestWorld.password)"}"#
        let proxied = try await world.send(.post, "/api/v1/login", ["X-Forwarded-Proto": "https"], body: body)
        for cookie in proxied.cookies { #expect(cookie.contains("; Secure")) }
    }

    @Test("log-in takes a form too")
    func form() async throws {
        let world = try await TestWorld()
        let type = ["Content-Type": "application/x-www-form-urlencoded; charset=utf-8"]
        let answer = try await world.send(
            .post, "/api/v1/login", type, body: "username=member&password=correct+horse%20battery")
        #expect(answer.succeeded)
    }

    @Test(
        "whatever is wrong with a log-in, the answer is one",
        arguments: [
            #"{"username":"member","password":"wrong"}"#, #"{"username":"nobody","password":"wrong"}"#, "{", "", "[]",
            "{}", #"{"username":1,"password":2}"#, #"{"username":"member"}"#, #"{"username":"","password":""}"#, "null",
        ])
    func failures(body: String) async throws {
        let world = try await TestWorld()
        let answer = try await world.send(.post, "/api/v1/login", body: body)
        #expect(answer.status == 200)
        #expect(answer.text == AuthenticationTests.unauthorized)
        #expect(answer.fields[.wwwAuthenticate] == "JWT realm=Nezha Monitoring")
        #expect(answer.cookies.isEmpty)
    }

    @Test(
        "what cannot be read tries no password; what has none is a wrong one, also a form without fields",
        arguments: [
            ("{", "application/json", false), ("", "application/json", false), (#"{"username":1}"#, nil, false),
            ("{}", "application/json", true), ("", nil, true), (#"{"username":"member"}"#, nil, true),
            ("username=member", "application/x-www-form-urlencoded", true),
        ] as [(String, String?, Bool)])
    func strikes(body: String, type: String?, isStruck: Bool) async throws {
        let world = try await TestWorld()
        let answer = try await world.send(
            .post, "/api/v1/login", type.map { ["Content-Type": $0] } ?? [:], body: body)
        #expect(answer.text == AuthenticationTests.unauthorized)
        #expect(world.strikes.isBlocked(ip: TestWorld.address) == isStruck)
    }

    @Test("a user who rejects passwords cannot log in, and a database that is gone is told as such")
    func otherFailures() async throws {
        let world = try await TestWorld()
        var member = try await world.user("member")
        member.rejectPassword = true
        try await world.storage.users.update(member)
        #expect(try await login(world).text == AuthenticationTests.unauthorized)
        let text = try await world.session()
        world.handle.close()
        #expect(try await login(world).text == #"{"success":false,"error":"database error"}"#)
        let answer = try await world.send(.get, "/api/v1/profile", bearer: text)
        #expect((answer.status, answer.error) == (200, "database error"))
    }

    @Test("refresh extends the session and the older text stays good until its own end")
    func refresh() async throws {
        let world = try await TestWorld()
        let old = try #require(try await login(world).data?["token"]?.stringValue)
        world.clock.advance(1800)
        let answer = try await world.send(.post, "/api/v1/refresh-token", bearer: old)
        let new = try #require(answer.data?["token"]?.stringValue)
        #expect(answer.cookie("nz-jwt") == new)
        #expect(answer.cookie("nz-csrf") != nil)
        #expect(try await isIn(world, old))
        #expect(try await isIn(world, new))
        world.clock.advance(1800)
        #expect(try await !isIn(world, old))
        #expect(try await isIn(world, new))
        world.clock.advance(1800)
        #expect(try await !isIn(world, new))
        #expect(!world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test("a session is bound to the client's address, known or not, and a change of it strikes nobody")
    func address() async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        #expect(try await isIn(world, text))
        #expect(try await !isIn(world, text, ip: "203.0.113.8"))
        #expect(try await !isIn(world, text, ip: nil))
        #expect(try await isIn(world, text))
        let unbound = try await world.session(ip: "")
        #expect(try await isIn(world, unbound, ip: nil))
        #expect(try await !isIn(world, unbound))
        #expect(!world.strikes.isBlocked(ip: "203.0.113.8"))
    }

    @Test("a changed password ends all sessions of that user, and nobody else's")
    func passwordChange() async throws {
        let world = try await TestWorld()
        let first = try await world.session(of: "member")
        let second = try await world.session(of: "member")
        let foreign = try await world.session(of: "admin")
        let token = try await world.token("nezha:inventory:read", of: "member")
        let wrong = try await world.send(
            .post, "/api/v1/profile", bearer: first,
            body: #"{"original_password":"nope","new_username":"member","new_password":"another one"}"#)
        #expect((wrong.status, wrong.error) == (200, "incorrect password"))
        let changed = try await world.send(
            .post, "/api/v1/profile", bearer: first,
            body: #"""
                {"original_password":"\#(TestWorld.password)","new_username":"member","new_password":"another one",
                "reject_password":null}
                """#)
        #expect(changed.text == #"{"success":true}"#)
        #expect(try await !isIn(world, first))
        #expect(try await !isIn(world, second))
        #expect(try await isIn(world, foreign))
        #expect(try await world.send(.get, "/api/v1/server", bearer: token).succeeded)
        #expect(try await login(world, "member", "another one").succeeded)
        #expect(!world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test("what another process changes counts at once: password, revocation, deletion")
    func otherProcess() async throws {
        let world = try await TestWorld()
        let text = try await world.session(of: "member")
        // Another process: the memory of this one is not told.
        try await world.accounts.setPassword("a new password", ofUserNamed: "member")
        #expect(try await !isIn(world, text))
        // And whoever logs in with the new password is not held to what is in memory.
        let fresh = try #require(try await login(world, "member", "a new password").data?["token"]?.stringValue)
        #expect(try await isIn(world, fresh))

        let revoked = try await world.session(keyID: "revoked")
        try await world.storage.sessions.revoke(keyID: "revoked", at: world.clock.now)
        #expect(try await !isIn(world, revoked))
        _ = try await world.storage.users.delete(ids: [try await world.user("member").id])
        #expect(try await !isIn(world, fresh))
    }

    @Test("an outdated token version is refused even where the row lives on")
    func tokenVersion() async throws {
        let world = try await TestWorld()
        let text = try await world.session(of: "member")
        var member = try await world.user("member")
        member.tokenVersion += 1
        try await world.storage.users.update(member)
        try await world.identity.refresh()
        #expect(try await !isIn(world, text))
    }

    @Test("only a text signed by us for another user is a strike")
    func strikes() async throws {
        let world = try await TestWorld()
        let expires = world.clock.now.addingTimeInterval(60)
        _ = try await world.session(of: "member", keyID: "of-member")
        let admin = try await world.user("admin").id
        let ended = world.sessionTokens.sign(
            userID: admin, keyID: "gone", issuedAt: world.clock.now, expiresAt: expires)
        let good = try await world.session()
        // A signature that surely is another one.
        let signature = try #require(good.split(separator: ".").last)
        let other = signature.utf8.first == UInt8(ascii: "A") ? "B" : "A"
        let forged = "\(good.dropLast(signature.count))\(other)\(signature.dropFirst())"
        for text in ["x.y.z", ended, forged] { #expect(try await !isIn(world, text)) }
        #expect(!world.strikes.isBlocked(ip: TestWorld.address))
        let foreign = world.sessionTokens.sign(
            userID: admin, keyID: "of-member", issuedAt: world.clock.now, expiresAt: expires)
        #expect(try await !isIn(world, foreign))
        #expect(world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test("a user id that was never encoded is a strike on open routes too")
    func undecodableUser() async throws {
        let world = try await TestWorld()
        let claims = #"{"uid":"1","keyId":"k","exp":4102444800,"orig_iat":1}"#
        let text = Forgery.sign(
            header: #"{"alg":"HS256","typ":"JWT"}"#, body: Forgery.encode(claims), key: TestWorld.secretText)
        #expect(try await world.send(.get, "/api/v1/setting", bearer: text).succeeded)
        #expect(world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test("the time of last use is written at most every minute")
    func lastUse() async throws {
        let world = try await TestWorld()
        let text = try await world.session(keyID: "used")
        let start = world.clock.now
        for (wait, noted) in [(30.0, 0.0), (29, 0), (1, 60), (59, 60), (1, 120)] {
            world.clock.advance(wait)
            #expect(try await isIn(world, text))
            let row = try #require(try await world.storage.sessions.session(keyID: "used"))
            #expect(row.lastUsedAt.timeIntervalSince(start) == noted)
        }
    }
}
