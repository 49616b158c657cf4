import Foundation
import HTTP
import JSON
import MCPServer
import Secrets
import Settings
import Storage
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("Who is calling")
struct AuthenticationTests {
    static let unauthorized = #"{"success":false,"error":"ApiErrorUnauthorized"}"#

    @Test("nobody: 200 ApiErrorUnauthorized with a challenge, and an audit row")
    func nobody() async throws {
        let world = try await TestWorld()
        world.settings.set { $0.siteName = "Nos Æ\r\nX-Evil: 1" }
        let answer = try await world.send(.get, "/api/v1/server")
        #expect(answer.status == 200)
        #expect(answer.text == Self.unauthorized)
        #expect(answer.fields[.wwwAuthenticate] == "JWT realm=Nos ÆX-Evil: 1")
        #expect(answer.fields[.cacheControl] == "no-store")
        await world.audit.flush()
        let row = try #require(try await world.storage.audit.rows(AuditSelection(), limit: 1).first)
        #expect((row.tool, row.outcome) == ("inventory.list", "unauthenticated"))
        #expect((row.origin, row.ip) == ("rest", TestWorld.address))
    }

    @Test("an administrators' route tells guests what every route tells them, and members that it is not for them")
    func administrators() async throws {
        let world = try await TestWorld()
        let guest = try await world.send(.patch, "/api/v1/setting", body: "{}")
        #expect((guest.status, guest.error) == (200, "ApiErrorUnauthorized"))
        let member = try await world.send(
            .patch, "/api/v1/setting", bearer: world.session(of: "member"), body: "{}")
        #expect((member.status, member.error) == (200, "permission denied"))
        #expect(member.fields[.wwwAuthenticate] == nil)
    }

    @Test("a log-in is found in the header, the query and the cookie")
    func places() async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        #expect(try await world.send(.get, "/api/v1/profile", bearer: text).succeeded)
        #expect(try await world.send(.get, "/api/v1/profile?token=\(text)").succeeded)
        #expect(try await world.send(.get, "/api/v1/profile", ["Cookie": "nz-jwt=\(text)"]).succeeded)
        // A header that is for somebody else, such as a proxy, does not hide the cookie.
        let mixed = ["Cookie": "nz-jwt=\(text)", "Authorization": "Basic dTpw"]
        #expect(try await world.send(.get, "/api/v1/profile", mixed).succeeded)
    }

    @Test("the first place that holds something decides")
    func order() async throws {
        let world = try await TestWorld()
        let text = try await world.session()
        let cookie = ["Cookie": "nz-jwt=\(text)"]
        #expect(try await world.send(.get, "/api/v1/profile", bearer: "x.y.z", cookie).text == Self.unauthorized)
        #expect(try await world.send(.get, "/api/v1/profile?token=x", cookie).text == Self.unauthorized)
        #expect(try await world.send(.get, "/api/v1/profile?token=x", bearer: text).succeeded)
        #expect(try await world.send(.get, "/api/v1/profile?token=\(text)&token=x").text == Self.unauthorized)
        let planted = ["Cookie": "nz-jwt=\(text); nz-jwt=other"]
        #expect(try await world.send(.get, "/api/v1/profile", planted).text == Self.unauthorized)
    }

    @Test("a token of good scope passes, and a query or cookie never carries one")
    func goodToken() async throws {
        let world = try await TestWorld()
        let token = try await world.token("nezha:inventory:read")
        let answer = try await world.send(.get, "/api/v1/server", bearer: token)
        #expect(answer.text == #"{"success":true,"data":[]}"#)
        #expect(answer.cookies.isEmpty)
        #expect(try await world.send(.get, "/api/v1/server?token=\(token)").text == Self.unauthorized)
        let cookie = ["Cookie": "nz-jwt=\(token)"]
        #expect(try await world.send(.get, "/api/v1/server", cookie).text == Self.unauthorized)
    }

    @Test("a bad token is 401 and never falls back to a guest or a cookie")
    func badTokens() async throws {
        let world = try await TestWorld()
        let cookie = ["Cookie": "nz-jwt=\(try await world.session())"]
        let expired = try await world.token("nezha:inventory:read", days: 1)
        world.clock.advance(86_401)
        let bad = ["nzp_" + String(repeating: "0", count: 32), "nzp_", "nzp_é\u{7F}", "nzp_' OR 1=1 --"]
        for token in bad {
            let answer = try await world.send(.get, "/api/v1/server", bearer: token, cookie)
            #expect((answer.status, answer.error) == (401, "ApiErrorUnauthorized: invalid api token"))
            #expect(answer.fields[.wwwAuthenticate]?.hasPrefix("Bearer ") == true)
        }
        let answer = try await world.send(.get, "/api/v1/server", bearer: expired, cookie)
        #expect((answer.status, answer.error) == (401, "ApiErrorUnauthorized: api token expired"))
    }

    @Test(
        "a token after a misspelt scheme is 401, and no token",
        arguments: ["bearer ", "BEARER ", "Bearer\t", "Token ", "", "Bearer: ", "Bearer x ", "Bearer\tx Bearer "])
    func misspelt(scheme: String) async throws {
        let world = try await TestWorld()
        let good = try await world.token("nezha:inventory:read")
        let fields = ["Authorization": scheme + good, "Cookie": "nz-jwt=\(try await world.session())"]
        for path in ["/api/v1/server", "/api/v1/setting"] {
            let answer = try await world.send(.get, path, fields)
            #expect((answer.status, answer.error) == (401, "ApiErrorUnauthorized: invalid api token"))
        }
        #expect(!world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test(
        "any other wrong header keeps the answer of a log-in",
        arguments: ["Basic dTpw", "bearer x.y.z", "x", "Bearer "])
    func otherHeaders(header: String) async throws {
        let world = try await TestWorld()
        let answer = try await world.send(.get, "/api/v1/server", ["Authorization": header])
        #expect((answer.status, answer.text) == (200, Self.unauthorized))
    }

    @Test("a token without the scope, on a log-in's route, or without rights on the server: 403")
    func forbiddenTokens() async throws {
        let fake = FakeTool("fake.target", target: .server)
        let world = try await TestWorld(
            fakes: [fake], routes: [Route(.get, "/target/{id}", "fake.target", renamed: ["id": "server_id"])])
        let date = world.clock.now
        for name in ["one", "two"] {
            _ = try await world.storage.servers.insert(
                ServerRecord(
                    userID: try await world.user("member").id, uuid: name, name: name, createdAt: date, updatedAt: date)
            )
        }
        try await world.identity.refresh()
        let token = try await world.token("nezha:server:read", of: "member", serverIDs: [1])
        let expected: [(HTTPRequest.Method, String, String)] = [
            (.get, "/server", "ApiErrorForbidden: api token lacks scope nezha:inventory:read"),
            (.patch, "/setting", "ApiErrorForbidden: api token lacks scope nezha:admin:*"),
            (.get, "/profile", "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.post, "/profile", "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.post, "/refresh-token", "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.get, "/api-tokens", "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.post, "/api-tokens", "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.delete, "/api-tokens/x", "ApiErrorForbidden: this endpoint is not accessible by api token"),
            (.get, "/target/2", "permission denied"), (.get, "/target/99", "permission denied"),
        ]
        for (method, path, text) in expected {
            let answer = try await world.send(method, "/api/v1" + path, bearer: token)
            #expect((answer.status, answer.error) == (403, text), "\(path)")
        }
        #expect(try await world.send(.get, "/api/v1/target/1", bearer: token).succeeded)
        // 7-D1: the same refusal to a log-in is a 200.
        let answer = try await world.send(.get, "/api/v1/target/99", bearer: world.session(of: "member"))
        #expect((answer.status, answer.error) == (200, "permission denied"))
    }

    @Test("on /setting a token is a plain guest, good or bad")
    func settingKnowsLogInsOnly() async throws {
        let world = try await TestWorld()
        let guest = try await world.send(.get, "/api/v1/setting")
        #expect(guest.succeeded)
        for token in [try await world.token("nezha:*"), "nzp_unknown"] {
            #expect(try await world.send(.get, "/api/v1/setting", bearer: token).text == guest.text)
        }
        let admin = try await world.send(.get, "/api/v1/setting", bearer: world.session())
        #expect(admin.data?["version"] == "1.2.3")
        #expect(guest.data?["version"] == nil)
        // A log-in that is no longer good is a guest here and strikes nobody.
        #expect(try await world.send(.get, "/api/v1/setting", bearer: "x.y.z").text == guest.text)
        #expect(!world.strikes.isBlocked(ip: TestWorld.address))
    }

    @Test("a route that knows no credentials does not look at them")
    func loginLooksAtNothing() async throws {
        let world = try await TestWorld()
        let body = #"{"username":"member","password":"\#(TestWorld.password)"}"#
        #expect(try await world.send(.post, "/api/v1/login", bearer: "nzp_unknown", body: body).succeeded)
    }

    @Test("the real address is missing where a header should carry it")
    func realAddress() async throws {
        let world = try await TestWorld()
        world.settings.set { $0.webRealIPHeader = "X-Real-IP" }
        for path in ["/api/v1/setting", "/api/v1/nothing"] {
            let answer = try await world.send(.get, path, ip: nil)
            #expect((answer.status, answer.error) == (200, "real ip header not found"))
        }
        #expect(try await world.send(.get, "/api/v1/setting").succeeded)
        world.settings.set { $0.webRealIPHeader = RealAddress.usePeer }
        #expect(try await world.send(.get, "/api/v1/setting", ip: nil).succeeded)
    }

    @Test("before a credential a body may have 16 KiB, and none is read in a coding")
    func loginBody() async throws {
        let world = try await TestWorld()
        func login(_ count: Int, _ fields: [String: String] = [:]) async throws -> Answer {
            let body = #"{"username":"a","password":""#
            return try await world.send(
                .post, "/api/v1/login", fields,
                body: body + String(repeating: "x", count: count - body.utf8.count - 2) + #""}"#)
        }
        #expect(try await login(16 << 10).status == 200)
        #expect(try await login((16 << 10) + 1).status == 413)
        let gzip = try await login(100, ["Content-Encoding": "gzip"])
        #expect(gzip.status == 415)
        #expect(gzip.error?.contains("gzip") == true)
        #expect(try await login(100, ["Content-Encoding": "identity"]).status == 200)
    }

    @Test("cookies are told apart byte by byte, and two that differ are none")
    func cookies() throws {
        func cookie(_ lines: String...) -> String? {
            var fields = HTTPFields()
            for line in lines { fields.append(HTTPField(name: .cookie, value: line)) }
            return Cookies(fields)["nz"]
        }
        #expect(cookie("a=b; nz = c ;x=y") == "c")
        #expect(cookie("nz=a=b") == "a=b")
        #expect(cookie("nz=") == "")
        #expect(cookie("nz=c", "nz=c") == "c")
        #expect(cookie("nz=c; nz=d") == nil)
        #expect(cookie("nz", "NZ=c") == nil)
        #expect(cookie("nz\u{0301}=c") == nil)
        #expect(cookie("nz=\u{e9}; nz=e\u{0301}") == nil)
    }
}
