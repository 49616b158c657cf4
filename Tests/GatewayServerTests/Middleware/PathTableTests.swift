import HTTP
import Testing

@testable import GatewayServer

@Suite("The table of paths")
struct PathTableTests {
    @Test(
        "each path has one owner, and a prefix ends where its segment does",
        arguments: [
            ("/healthz", PathRule.Owner.health), ("/healthz/x", .userPages), ("/mcp", .mcp), ("/mcp/", .mcp),
            ("/mcp/download/x", .mcp), ("/mcpx", .userPages), ("/register", .mcp), ("/register/x", .userPages),
            ("/.well-known/x", .mcp), ("/api", .rest), ("/api/", .rest), ("/apix", .rest), ("/api/v1/server", .rest),
            ("/API/v1/server", .userPages), ("//api/v1/server", .userPages), ("/dashboard", .adminPages),
            ("/dashboard/", .adminPages), ("/dashboardx", .userPages), ("/dashboard..%2fconfig.yaml", .userPages),
            ("/openapi.json", .documents), ("/swagger/index.html", .documents), ("/swaggerx", .userPages),
            ("/", .userPages), ("", .userPages), ("*", .userPages),
        ])
    func owners(path: String, owner: PathRule.Owner) {
        #expect(PathTable.rule(of: path[...]).owner == owner)
    }

    @Test("every row can be reached, and every owner has one")
    func rows() {
        for rule in PathTable.rules {
            let path = rule.reach == .only ? rule.prefix : rule.prefix + "/x"
            #expect(PathTable.rule(of: path[...]) == rule, "\(rule.prefix)")
        }
        for owner in PathRule.Owner.allCases { #expect(PathTable.rules.contains { $0.owner == owner }) }
    }

    @Test(
        "one slash too many is dropped for programs, never for pages",
        arguments: [
            ("/mcp/?names=underscore", "/mcp?names=underscore"), ("/api/v1/server/", "/api/v1/server"),
            ("/api/", "/api"), ("/api/v1/server//", "/api/v1/server/"), ("/dashboard/", "/dashboard/"), ("/", "/"),
        ])
    func slashes(path: String, seen: String) async {
        let router = PathRouter { _, request in .text(.ok, request.head.path ?? "") }
        guard case .bytes(let body) = await answer(path, router).body else { return }
        #expect(String(decoding: body, as: UTF8.self) == seen)
    }

    @Test("a path whose owner is not there is unknown")
    func missing() async {
        #expect(await answer("/mcp", PathRouter { _, _ in nil }).head.status == .notFound)
    }

    private func answer(_ path: String, _ router: PathRouter) async -> OutboundResponse {
        let request = InboundRequest(
            head: HTTPRequest(method: .get, scheme: "http", authority: "g", path: path), id: "id1",
            client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
        return await router.answer(request, PathTable.rule(of: request.path))
    }
}
