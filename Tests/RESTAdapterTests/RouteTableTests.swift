import HTTP
import MCPServer
import Settings
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("Route table")
struct RouteTableTests {
    @Test("every route has its tool, and every argument that it names is in the tool's schema")
    func everyToolExists() async throws {
        let world = try await TestWorld()
        #expect(world.adapter.routes.routes == Route.all)
        for route in Route.all { #expect(world.adapter.routes.tools[route.tool] != nil, "\(route.name)") }
    }

    @Test(
        """
        State change by GET: no GET but a WebSocket, whose Origin is checked, reaches a tool that may change something, \
        and every other method is CSRF-protected
        """)
    func noGetChangesState() async throws {
        let world = try await TestWorld()
        for route in Route.all {
            let tool = try #require(world.adapter.routes.tools[route.tool])
            if route.result == .socket {
                #expect(route.method == .get, "\(route.name)")
                #expect(route.path.description.hasPrefix("/ws/"), "\(route.name)")
            } else if Route.safeMethods.contains(route.method) {
                #expect(tool.annotations.readOnly == true, "\(route.name)")
                #expect(!route.effect.isForOwnPages, "\(route.name)")
            } else {
                #expect(route.isCSRFProtected || route.name == "POST /login", "\(route.name)")
            }
        }
    }

    @Test("the classes of the routes are those of the contract")
    func classes() async throws {
        let world = try await TestWorld()
        let files = ToolAccess.user([.serverRead, .serverWrite, .serverDelete])
        var expected: [String: ToolAccess] = [
            "POST /login": .open, "GET /setting": .open, "POST /refresh-token": .sessionOnly,
            "GET /profile": .sessionOnly, "POST /profile": .sessionOnly, "GET /api-tokens": .sessionOnly,
            "POST /api-tokens": .sessionOnly, "DELETE /api-tokens/{id}": .sessionOnly,
            "PATCH /api-tokens/{id}": .sessionOnly, "GET /server": .user([.inventoryRead]),
            "PATCH /server/{id}": .user([.serverWrite]), "POST /batch-delete/server": .user([.inventoryDelete]),
            "POST /batch-move/server": .user([.serverWrite]), "GET /server/config/{id}": .user([.serverWrite]),
            "POST /server/config": .user([.serverWrite]), "POST /force-update/server": .user([.serverWrite]),
            "GET /ws/server": .guest(.inventoryRead), "GET /server-group": .guest(.inventoryRead),
            "POST /server-group": .user([.serverWrite]), "PATCH /server-group/{id}": .user([.serverWrite]),
            "POST /batch-delete/server-group": .user([.inventoryDelete]), "GET /transfer": .user([.transferRead]),
            "GET /ws/transfer": .user([.transferRead]), "POST /transfer/{id}/cancel": .user([.transferWrite]),
            "POST /transfer/{id}/retry": .user([.transferWrite]), "POST /terminal": .user([.serverExec]),
            "GET /ws/terminal/{id:text}": .user([.serverExec]), "POST /file": files, "GET /ws/file/{id:text}": files,
            "POST /cron/{id}/manual": .user([.cronExec]), "GET /ddns/providers": .user([Scope("nezha:ddns:read")]),
            "GET /service/list": .user([Scope("nezha:service:read")]),
        ]
        for name in [
            "GET /user", "POST /user", "POST /batch-delete/user", "GET /waf", "POST /batch-delete/waf",
            "GET /online-user", "POST /online-user/batch-block", "PATCH /setting", "POST /maintenance",
        ] { expected[name] = .administrator }
        for (path, resource) in [
            ("notification", "notification"), ("notification-group", "notification-group"),
            ("alert-rule", "alertrule"), ("cron", "cron"), ("ddns", "ddns"), ("nat", "nat"), ("service", "service"),
        ] {
            if path != "service" { expected["GET /\(path)"] = .user([Scope("nezha:\(resource):read")]) }
            expected["POST /\(path)"] = .user([Scope("nezha:\(resource):write")])
            expected["PATCH /\(path)/{id}"] = .user([Scope("nezha:\(resource):write")])
            expected["POST /batch-delete/\(path)"] = .user([Scope("nezha:\(resource):delete")])
        }
        #expect(Set(Route.all.map(\.name)) == Set(expected.keys))
        for route in Route.all {
            #expect(world.adapter.routes.tools[route.tool]?.access == expected[route.name], "\(route.name)")
        }
    }

    /// What a caller without rights gets; new lines of the table are covered by being there.
    @Test("every route refuses guests and tokens without the right, by the class of its tool")
    func permissionsFollowFromTheTable() async throws {
        let world = try await TestWorld()
        world.settings.set { $0.forceAuth = true }
        let token = try await world.token("nezha:transfer:delete")
        for route in Route.all {
            let path = "/api/v1" + route.path.description.replacing("{id}", with: "1").replacing("{id:text}", with: "x")
            let asGuest = try await world.send(route.method, path, body: "{}")
            let asToken = try await world.send(route.method, path, bearer: token, body: "{}")
            let lacks = "ApiErrorForbidden: api token lacks scope "
            let (guest, refused): (String, String)
            switch try #require(world.adapter.routes.tools[route.tool]?.access) {
            case .open: continue
            case .guest(let scope, _): (guest, refused) = ("ApiErrorUnauthorized", lacks + scope.rawValue)
            case .user(let scopes):
                (guest, refused) = ("ApiErrorUnauthorized", lacks + (try #require(scopes.first).rawValue))
            case .administrator: (guest, refused) = ("ApiErrorUnauthorized", lacks + Scope.admin.rawValue)
            case .sessionOnly:
                (guest, refused) = (
                    "ApiErrorUnauthorized", "ApiErrorForbidden: this endpoint is not accessible by api token"
                )
            }
            #expect((asGuest.status, asGuest.error) == (200, guest), "\(route.name)")
            #expect((asToken.status, asToken.error) == (403, refused), "\(route.name)")
        }
    }

    @Test("a mistake in the table stops the start")
    func mistakes() {
        let tool = FakeTool("a.b").definition
        #expect(throws: RouteTableError.unknownTool("GET /x", tool: "x.y")) {
            try RouteTable([Route(.get, "/x", "x.y")], tools: [tool])
        }
        #expect(throws: RouteTableError.unknownArgument("GET /x/{nope}", argument: "nope")) {
            try RouteTable([Route(.get, "/x/{nope}", "a.b")], tools: [tool])
        }
        #expect(throws: RouteTableError.duplicate("GET /x/{server_id}")) {
            try RouteTable([Route(.get, "/x/{id}", "a.b"), Route(.get, "/x/{server_id}", "a.b")], tools: [tool])
        }
    }

    @Test("a literal wins over a parameter, whatever the order of the lines")
    func precedence() throws {
        let tool = FakeTool("a.b").definition
        let table = try RouteTable([Route(.get, "/x/{id}", "a.b"), Route(.get, "/x/list", "a.b")], tools: [tool])
        #expect(table.match(.get, "/api/v1/x/list")?.route.path.description == "/x/list")
        #expect(table.match(.get, "/api/v1/x/7")?.route.path.description == "/x/{id}")
    }

    @Test(
        "an unknown path and a wrong method are the same 404",
        arguments: [
            ("GET", "/api/v1/nothing"), ("GET", "/api/v1/login"), ("PUT", "/api/v1/server"),
            ("HEAD", "/api/v1/setting"),
            ("OPTIONS", "/api/v1/server"), ("DELETE", "/api/v1/setting"), ("GET", "/api/v2/server"), ("GET", "/api/"),
            ("GET", "/api/v1"), ("GET", "/api/v1/"), ("GET", "/api/v1/server/"), ("GET", "/api/v1//server"),
            ("GET", "/api/v1/%73erver"), ("GET", "/api/v1/x/..%2fserver"), ("GET", "/api/v1/x/../server"),
            ("GET", "/api/v1/Server"), ("GET", "/api/v1/cron/1/manual"), ("DELETE", "/api/v1/api-tokens/1/2"),
        ])
    func notFound(method: String, path: String) async throws {
        let world = try await TestWorld()
        let answer = try await world.send(try #require(HTTPRequest.Method(method)), path)
        #expect(answer.status == 404)
        #expect(answer.text == #"{"success":false,"error":"404 Not Found"}"#)
    }
}
