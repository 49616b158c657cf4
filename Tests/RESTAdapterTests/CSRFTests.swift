import HTTP
import MCPServer
import Secrets
import Settings
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("CSRF")
struct CSRFTests {
    private static let refused = #"{"success":false,"error":"ApiErrorForbidden: missing or invalid CSRF token"}"#

    private func refresh(_ world: TestWorld, _ fields: [String: String], query: String = "") async throws -> Answer {
        try await world.send(.post, "/api/v1/refresh-token" + query, fields)
    }

    @Test("State change by GET, cookies accepted where tokens are meant: a cookie alone changes nothing")
    func cookieNeedsHeader() async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        let first = try await world.send(.get, "/api/v1/profile", ["Cookie": "nz-jwt=\(text)"])
        let csrf = try #require(first.cookie("nz-csrf"))
        let both = "nz-jwt=\(text); nz-csrf=\(csrf)"
        let self64 = String(repeating: "0", count: 64)
        let wrong: [[String: String]] = [
            ["Cookie": "nz-jwt=\(text)"], ["Cookie": both], ["Cookie": both, "X-CSRF-Token": ""],
            ["Cookie": "nz-jwt=\(text)", "X-CSRF-Token": csrf],
            ["Cookie": both, "X-CSRF-Token": String(csrf.dropLast())],
            ["Cookie": "nz-jwt=\(text); nz-csrf=", "X-CSRF-Token": ""],
            ["Cookie": "nz-jwt=\(text); nz-csrf=\(self64).\(self64)", "X-CSRF-Token": "\(self64).\(self64)"],
            ["Cookie": both + "; nz-csrf=x", "X-CSRF-Token": csrf],
        ]
        for fields in wrong {
            let answer = try await refresh(world, fields)
            #expect((answer.status, answer.text) == (403, Self.refused))
        }
        #expect(try await refresh(world, ["Cookie": both, "X-CSRF-Token": csrf]).succeeded)
    }

    @Test("a log-in in the query needs it too, one in the header does not, and neither does a token")
    func otherPlaces() async throws {
        let fake = FakeTool("fake.change")
        let world = try await TestWorld(fakes: [fake], routes: [Route(.post, "/change", "fake.change")])
        let text = try await world.session()
        #expect(try await world.send(.post, "/api/v1/change?token=\(text)").text == Self.refused)
        let csrf = CSRFTokens(secret: world.secret).make()
        let fields = ["Cookie": "nz-csrf=\(csrf)", "X-CSRF-Token": csrf]
        #expect(try await world.send(.post, "/api/v1/change?token=\(text)", fields).succeeded)
        let cookie = ["Cookie": "nz-jwt=\(text)"]
        #expect(try await world.send(.post, "/api/v1/change", bearer: text, cookie).succeeded)
        let token = try await world.token("nezha:server:read")
        #expect(try await world.send(.post, "/api/v1/change", bearer: token, cookie).succeeded)
    }

    @Test("a token is a random text and its MAC, and each bit counts")
    func tokens() throws {
        let tokens = CSRFTokens(secret: try SessionSecret(TestWorld.secretText))
        let token = tokens.make()
        #expect(token != tokens.make())
        let nonce = String(token.prefix(64))
        let code = HMACSHA256.code(key: Array(TestWorld.secretText.utf8), message: Array(nonce.utf8))
        #expect(token == "\(nonce).\(Hex.encode(code))")
        #expect(tokens.isValid(token))
        let bytes = Array(token.utf8)
        for position in bytes.indices {
            for bit in 0..<7 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                #expect(!tokens.isValid(String(decoding: changed, as: UTF8.self)), "byte \(position) bit \(bit)")
            }
        }
        let other = CSRFTokens(secret: try SessionSecret(String(repeating: "k", count: 32)))
        #expect(!other.isValid(token))
        for bad in ["", ".", token + ".", token + "0", String(token.dropFirst())] { #expect(!tokens.isValid(bad)) }
    }

    @Test("every authenticated GET without a good cookie gets one; nobody else does")
    func issuing() async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        for stale in ["", "; nz-csrf=stale"] {
            let answer = try await world.send(.get, "/api/v1/profile", ["Cookie": "nz-jwt=\(text)\(stale)"])
            #expect(answer.cookies.count == 1)
            #expect(CSRFTokens(secret: world.secret).isValid(try #require(answer.cookie("nz-csrf"))))
        }
        let good = CSRFTokens(secret: world.secret).make()
        let answer = try await world.send(.get, "/api/v1/profile", ["Cookie": "nz-jwt=\(text); nz-csrf=\(good)"])
        #expect(answer.cookies.isEmpty)
        #expect(try await world.send(.get, "/api/v1/setting").cookies.isEmpty)
        #expect(try await world.send(.get, "/api/v1/setting", ["Cookie": "nz-jwt=\(text)"]).cookies.isEmpty)
        let token = try await world.token("nezha:inventory:read")
        #expect(try await world.send(.get, "/api/v1/server", bearer: token).cookies.isEmpty)
    }

    private static let here = ["Sec-Fetch-Site": "same-origin"]

    @Test(
        "a page logs out by taking the CSRF cookie away: the next request from a page of ours is a guest's, for good",
        arguments: [
            here, ["Sec-Fetch-Site": "same-site"], ["Sec-Fetch-Site": "none"], ["Origin": "http://gate.test"],
            ["Referer": "http://GATE.test/dashboard/server?x=http://evil.test"],
        ])
    func logOut(fields: [String: String]) async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        var fields = fields
        fields["Cookie"] = "nz-jwt=\(text)"
        let answer = try await world.send(.get, "/api/v1/profile", fields)
        #expect(answer.error == "ApiErrorUnauthorized")
        #expect(answer.cookies == ["nz-jwt=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"])
        #expect(try await world.send(.get, "/api/v1/profile", bearer: text).error == "ApiErrorUnauthorized")
    }

    @Test(
        "a link from another site logs nobody out, nor does it come in logged in",
        arguments: [
            ["Sec-Fetch-Site": "cross-site"], ["Origin": "null"], ["Origin": "http://evil.test"],
            ["Referer": "http://evil.test/gate.test"], ["Referer": "gate.test"],
            ["Sec-Fetch-Site": "cross-site", "Referer": "http://gate.test/"],
        ])
    func linkFromElsewhere(fields: [String: String]) async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        var fields = fields
        fields["Cookie"] = "nz-jwt=\(text)"
        let answer = try await world.send(.get, "/api/v1/profile", fields)
        #expect(answer.error == "ApiErrorUnauthorized")
        #expect(answer.cookies.isEmpty)
        #expect(try await world.send(.get, "/api/v1/profile", bearer: text).succeeded)
    }

    @Test("with the CSRF cookie, even a planted pair of them, and for programs the session lives on")
    func livesOn() async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        for cookie in ["nz-jwt=\(text); nz-csrf=a; nz-csrf=b", "nz-jwt=\(text); nz-csrf="] {
            #expect(
                try await world.send(.get, "/api/v1/profile", Self.here.merging(["Cookie": cookie]) { $1 }).succeeded)
        }
        #expect(try await world.send(.get, "/api/v1/profile", ["Cookie": "nz-jwt=\(text)"]).succeeded)
        #expect(try await world.send(.get, "/api/v1/profile?token=\(text)", Self.here).succeeded)
        // Both cookies live equally long, so that closing the browser does not look like a log-out.
        let login = try await world.send(
            .post, "/api/v1/login", body: #"{"username":"admin","password":"\#(TestWorld.password)"}"#)
        #expect(login.cookies.count == 2)
        #expect(login.cookies.allSatisfy { $0.contains("; Max-Age=3600;") })
    }

    @Test("a page of another site cannot log a browser in as somebody of its choice")
    func foreignLogin() async throws {
        let world = try await TestWorld()
        world.settings.set { $0.mcpAllowedOrigins = ["https://tools.example"] }
        let body = #"{"username":"admin","password":"no matter"}"#
        func status(_ fields: [String: String]) async throws -> Int {
            try await world.send(.post, "/api/v1/login", fields, body: body).status
        }
        let foreign: [[String: String]] = [
            ["Origin": "https://evil.example"], ["Origin": "null"], ["Origin": "http://gate.test:81"],
            ["Sec-Fetch-Site": "cross-site"], ["Origin": "http://gate.test", "Sec-Fetch-Site": "cross-site"],
        ]
        for fields in foreign { #expect(try await status(fields) == 403) }
        let own: [[String: String]] = [
            [:], ["Origin": "http://gate.test"], ["Origin": "https://tools.example"],
            ["Origin": "https://tools.example", "Sec-Fetch-Site": "cross-site"],
            ["Origin": "https://proxy.example", "Sec-Fetch-Site": "same-origin"],
        ]
        for fields in own { #expect(try await status(fields) == 200) }
        world.settings.set { $0.listenHost = "127.0.0.1" }
        #expect(try await status(["Origin": "http://gate.test"]) == 200)
    }
}
