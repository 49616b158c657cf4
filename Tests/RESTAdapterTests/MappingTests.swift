import HTTP
import JSON
import MCPServer
import Settings
import Storage
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("Arguments and answers")
struct MappingTests {
    private func world() async throws -> TestWorld {
        let routes = [
            Route(.post, "/object/{id}", "fake", renamed: ["id": "server_id"], body: .object),
            Route(.post, "/array", "fake", body: .array("list")),
            Route(
                .get, "/query", "fake",
                query: [QueryParameter("id", .idList, as: "ids"), QueryParameter("limit", .integer)]),
            Route(.get, "/member", "fake.member", result: .member("tokens")),
            Route(.get, "/nothing", "fake", result: .none),
        ]
        let member = FakeTool("fake.member") { _ in ["tokens": [1, 2]] }
        return try await TestWorld(fakes: [FakeTool("fake"), member], routes: routes)
    }

    private func echo(_ method: HTTPRequest.Method, _ path: String, body: String? = nil) async throws -> String {
        let world = try await world()
        let answer = try await world.send(method, "/api/v1" + path, bearer: world.session(), body: body)
        #expect(answer.status == 200)
        return answer.succeeded ? answer.data?.text ?? "no data" : answer.error ?? "no error"
    }

    @Test("records that were written one by one are answered byte by byte as a list is", arguments: 0...3)
    func records(count: Int) async throws {
        let world = try await TestWorld()
        let admin = try await world.user("admin")
        for number in 0..<count {
            _ = try await world.storage.servers.insert(
                ServerRecord(
                    userID: admin.id, uuid: "uuid \(number)", name: "\"\(number)\" \u{1F600}/",
                    createdAt: world.clock.now,
                    updatedAt: world.clock.now))
        }
        try await world.identity.refresh()
        let answer = try await world.send(.get, "/api/v1/server", bearer: world.session())
        let list = try #require(answer.data?.arrayValue)
        #expect(list.count == count)
        #expect(Array(answer.text.utf8) == Envelope.success(.array(list)).serialized())
        #expect(answer.fields[.cacheControl] == "no-store")
        #expect(answer.fields[.contentType] == "application/json; charset=utf-8")
    }

    @Test("path and query win over members of the body; members that are null are absent")
    func object() async throws {
        let body = #"{"server_id":99,"a":null,"n":1.50,"deep":{"x":null}}"#
        #expect(
            try await echo(.post, "/object/7?server_id=5", body: body) == #"{"server_id":7,"n":1.50,"deep":{"x":null}}"#
        )
    }

    @Test("an array becomes one argument")
    func array() async throws {
        #expect(try await echo(.post, "/array", body: #"[1,"2",null]"#) == #"{"list":[1,"2",null]}"#)
        #expect(try await echo(.post, "/array", body: "[]") == #"{"list":[]}"#)
        let text = try await echo(.post, "/array", body: "{}")
        #expect(text == "invalid request body: expected an array, found object")
    }

    @Test("a list of ids skips what is no id; what no route names is ignored")
    func query() async throws {
        #expect(try await echo(.get, "/query") == "{}")
        #expect(
            try await echo(.get, "/query?id=1,x,-2,3.0,,+4,99999999999999999999,5&token=&other=1") == #"{"ids":[1,5]}"#)
        #expect(try await echo(.get, "/query?id=") == #"{"ids":[]}"#)
        #expect(try await echo(.get, "/query?id=1&id=2&limit=-3") == #"{"ids":[1,2],"limit":-3}"#)
        #expect(try await echo(.get, "/query?limit=x") == "invalid limit: must be a whole number")
        #expect(try await echo(.get, "/query?id=%zz") == "invalid query: malformed percent-encoding")
    }

    @Test(
        "a body that cannot be read is told with the reason and never runs the tool",
        arguments: [
            ("", "invalid request body: unexpected end of input at byte 0"),
            ("{", "invalid request body: unexpected end of input at byte 1"),
            ("[1]", "invalid request body: expected an object, found array"),
            (#"{"a":1,"a":2}"#, #"invalid request body: duplicate key "a" at byte 7"#),
            ("a=1", "invalid request body: unexpected 'a' at byte 0"),
        ])
    func brokenBodies(body: String, text: String) async throws {
        #expect(try await echo(.post, "/object/7", body: body) == text)
    }

    @Test("an id that is none is told to those who may call, and only to them")
    func brokenID() async throws {
        let world = try await TestWorld()
        let path = "/api/v1/api-tokens/abc"
        let known = try await world.send(.delete, path, bearer: world.session())
        #expect((known.status, known.error) == (200, "invalid id: must be an unsigned whole number"))
        #expect(try await world.send(.delete, path).text == AuthenticationTests.unauthorized)
        let missing = try await world.send(.delete, "/api/v1/api-tokens/4711", bearer: world.session())
        #expect((missing.status, missing.error) == (200, "not found"))
    }

    @Test("a body over 1 MiB is 413, told by its length or found while reading")
    func tooLarge() async throws {
        let world = try await world()
        let bearer = try await world.session()
        let fits = #"{"a":""# + String(repeating: "x", count: ArgumentMapping.bodyLimit - 8) + #""}"#
        #expect(try await world.send(.post, "/api/v1/object/1", bearer: bearer, body: fits).succeeded)
        let answer = try await world.send(.post, "/api/v1/object/1", bearer: bearer, body: fits + " ")
        #expect((answer.status, answer.error) == (413, "request body exceeds 1048576 bytes"))
        let announced = try await world.send(
            .post, "/api/v1/object/1", bearer: bearer, ["Content-Length": "1048577"], body: "{}")
        #expect(announced.status == 413)
        // Nobody without rights makes us read.
        let guest = try await world.send(.post, "/api/v1/object/1", body: fits + " ")
        #expect(guest.text == AuthenticationTests.unauthorized)
    }

    @Test("a result is data as it is, one member of it, or left out")
    func results() async throws {
        #expect(try await echo(.get, "/member") == "[1,2]")
        #expect(try await echo(.get, "/nothing") == "no data")
        let world = try await TestWorld()
        let empty = try await world.send(.get, "/api/v1/api-tokens", bearer: world.session())
        #expect(empty.text == #"{"success":true,"data":[]}"#)
    }

    @Test("tokens are made, listed and revoked; the revoked one is refused at its next use")
    func tokens() async throws {
        let world = try await TestWorld()
        let bearer = try await world.session()
        let made = try await world.send(
            .post, "/api/v1/api-tokens", bearer: bearer, body: #"{"name":"x","scopes":["nezha:inventory:read"]}"#)
        let secret = try #require(made.data?["token"]?.stringValue)
        let id = try #require(made.data?["id"]?.int64Value)
        #expect(try await world.send(.get, "/api/v1/server?id=1", bearer: secret).succeeded)
        let listed = try await world.send(.get, "/api/v1/api-tokens", bearer: bearer)
        #expect(listed.data?.arrayValue?.count == 1)
        #expect(!listed.text.contains(secret))
        let gone = try await world.send(.delete, "/api/v1/api-tokens/\(id)", bearer: bearer)
        #expect(gone.text == #"{"success":true}"#)
        #expect(try await world.send(.get, "/api/v1/server", bearer: secret).status == 401)
    }

    @Test("settings change by the administrator, also by a token with the scope")
    func settings() async throws {
        let world = try await TestWorld()
        let token = try await world.token("nezha:admin:*")
        let answer = try await world.send(.patch, "/api/v1/setting", bearer: token, body: #"{"enable_mcp":true}"#)
        #expect(answer.text == #"{"success":true}"#)
        #expect(world.settings.current.enableMCP)
    }
}
