import HTTP
import MCPServer
import Secrets
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
        let token = try await world.token("nezha:inventory:read")
        #expect(try await world.send(.get, "/api/v1/server", bearer: token).cookies.isEmpty)
    }
}
