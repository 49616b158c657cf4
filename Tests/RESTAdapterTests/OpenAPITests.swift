import HTTP
import JSON
import MCPServer
import Settings
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("Documents made of the route table")
struct OpenAPITests {
    private func document() async throws -> (world: TestWorld, json: JSONValue) {
        let world = try await TestWorld()
        return (world, try OpenAPIDocument(world.adapter.routes, version: "1.2.3").json)
    }

    @Test("every route has an operation with its tool, parameters, body and answers")
    func operations() async throws {
        let (world, json) = try await document()
        #expect(json["openapi"] == "3.1.0")
        for route in world.adapter.routes.routes {
            let path = OpenAPIOperation.path(of: route)
            let operation = json["paths"]?[path]?[route.method.rawValue.lowercased()]
            #expect(operation?["operationId"]?.stringValue == route.tool, "\(route.name)")
            #expect(operation?["summary"]?.stringValue?.isEmpty == false, "\(route.name)")
            #expect(operation?["responses"]?["200"] != nil, "\(route.name)")
            #expect((operation?["requestBody"] != nil) == (route.body != .none), "\(route.name)")
            let named = (operation?["parameters"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            #expect(
                named == route.path.parameters + route.query.map(\.name) + route.cookies.keys.sorted(), "\(route.name)")
            // What the path and the query give is not asked for again.
            let body = operation?["requestBody"]?["content"]?["application/json"]?["schema"]?["properties"]?.objectValue
            for argument in route.path.parameters.map({ route.renamed[$0] ?? $0 }) {
                #expect(body?[argument] == nil, "\(route.name)")
            }
        }
    }

    @Test("operation ids are unique, and every schema compiles")
    func ids() async throws {
        let (_, json) = try await document()
        var ids: [String] = []
        for path in try #require(json["paths"]?.objectValue) {
            for method in try #require(path.value.objectValue) {
                ids.append(try #require(method.value["operationId"]?.stringValue))
                for response in try #require(method.value["responses"]?.objectValue) {
                    guard let schema = response.value["content"]?["application/json"]?["schema"] else { continue }
                    _ = try JSONSchema(schema)
                }
                if let schema = method.value["requestBody"]?["content"]?["application/json"]?["schema"] {
                    _ = try JSONSchema(schema)
                }
            }
        }
        #expect(Set(ids).count == ids.count)
    }

    @Test("a call's security is its tool's access")
    func security() async throws {
        let (_, json) = try await document()
        let paths = try #require(json["paths"])
        #expect(paths["/login"]?["post"]?["security"] == [])
        #expect(
            paths["/server"]?["get"]?["security"]
                == [["token": ["nezha:inventory:read"]], ["session": []], ["cookie": []]])
        #expect(paths["/profile"]?["get"]?["security"] == [["session": []], ["cookie": []]])
        #expect(paths["/server-group"]?["get"]?["security"]?.arrayValue?.first == [:])
        #expect(paths["/user"]?["get"]?["security"]?.arrayValue?.first == ["token": ["nezha:admin:*"]])
    }

    @Test("every route and every scope has its row, and every row's scope is one that can be issued")
    func scopes() async throws {
        let world = try await TestWorld()
        let text = ScopeDocument(world.adapter.routes, tools: world.tools.map(\.definition)).text
        for route in world.adapter.routes.routes {
            #expect(
                text.contains("| `\(route.method.rawValue) \(OpenAPIOperation.path(of: route))` |"), "\(route.name)")
        }
        for scope in Scope.issuable where !scope.rawValue.hasSuffix("*") {
            #expect(text.contains("\n| `\(scope)` |"), "\(scope)")
        }
        for tool in world.tools {
            for scope in AccessWords.scopes(tool.definition.access) { #expect(Scope.issuable.contains(scope)) }
        }
    }

    @Test("a page of the document is there only where debug is set, and takes no script but its own")
    func page() async throws {
        let world = try await TestWorld()
        let endpoint = DocumentsEndpoint(
            try OpenAPIDocument(world.adapter.routes, version: "1"), settings: world.settings)
        let paths = [
            "/openapi.json", "/swagger", "/swagger/", "/swagger/doc.json", "/swagger/index.html", "/swagger/page.js",
        ]
        for path in paths { #expect(await status(endpoint, path) == nil, "\(path)") }
        world.settings.set { $0.debug = true }
        for path in paths { #expect(await status(endpoint, path) != nil, "\(path)") }
        for path in ["/swagger/x", "/swagger/../config.yaml", "/swagger/doc.json/"] {
            #expect(await status(endpoint, path) == nil, "\(path)")
        }
        let page = try #require(await endpoint.handle(request("/swagger/index.html")))
        let policy = try #require(page.head.headerFields[.contentSecurityPolicy])
        #expect(policy.contains("script-src 'self'"))
        #expect(!policy.contains("unsafe"))
        guard case .bytes(let bytes) = page.body else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        // Nothing is fetched from elsewhere.
        #expect(!text.contains("//"))
    }

    private func status(_ endpoint: DocumentsEndpoint, _ path: String) async -> Int? {
        await endpoint.handle(request(path))?.head.status.code
    }

    private func request(_ path: String) -> InboundRequest {
        InboundRequest(
            head: HTTPRequest(method: .get, scheme: "http", authority: "g", path: path), id: "r",
            client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
    }
}
