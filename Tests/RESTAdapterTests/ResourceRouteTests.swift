import HTTP
import JSON
import MCPServer
import Storage
import Testing

@testable import RESTAdapter

/// A resource that nothing under `Sources` knows of.
private struct BookForm: Form {
    static let table = "books"

    var name = ""
    var pages: Int64 = 0

    init() {}
}

private struct BookResource: Resource {
    let definition = ResourceDefinition(
        name: "book", title: "book", plural: "books", shape: SchemaSource(Array(Self.shape.utf8)), scope: "nat",
        missing: { .rejected("book id \($0) does not exist") })

    func check(_ form: inout BookForm, by principal: Principal) async throws {
        if form.pages < 1 { throw ToolFailure.rejected("a book has pages") }
    }

    private static let shape = """
        {
          "type": "object", "description": "A book.",
          "properties": {
            "name": {"type": "string", "description": "Name."},
            "pages": {"type": "integer", "description": "Pages.", "minimum": 0, "x-audit": "keep"}
          },
          "required": ["name"]
        }
        """
}

@Suite("Resources over REST: one of the tests' own")
struct ResourceRouteTests {
    private func world() async throws -> TestWorld {
        try await TestWorld(
            routes: Route.resource("/book", "book"), forms: Forms.all + [BookForm.self], resources: [BookResource()])
    }

    @Test("a form, a shape and rules have four routes")
    func routes() async throws {
        let world = try await world()
        let admin = try await world.session()
        let made = try await world.send(
            .post, "/api/v1/book", bearer: admin, body: #"{"name":"a","pages":3,"none":1}"#)
        #expect(made.json == ["success": true, "data": 1])
        _ = try await world.send(.post, "/api/v1/book", bearer: admin, body: #"{"name":"b","pages":4}"#)
        let one = try await world.send(.get, "/api/v1/book?id=2", bearer: admin)
        #expect(one.json["data"]?.arrayValue?.map { $0["name"] } == ["b"])
        let changed = try await world.send(.patch, "/api/v1/book/1", bearer: admin, body: #"{"pages":5}"#)
        #expect(changed.json == ["success": true])
        let list = try await world.send(.get, "/api/v1/book", bearer: admin)
        #expect(list.json["data"]?.arrayValue?.map { $0["pages"] } == [5, 4])
        #expect(list.json["data"]?.arrayValue?.map { $0["name"] } == ["", "b"])
        let gone = try await world.send(.post, "/api/v1/batch-delete/book", bearer: admin, body: "[1,2,77]")
        #expect(gone.json == ["success": true])
        let none = try await world.send(.get, "/api/v1/book", bearer: admin)
        #expect(none.json == ["success": true, "data": []])
    }

    @Test("refusals: its own rule, unknown ids, wrong types, guests, members, scopes of tokens")
    func refusals() async throws {
        let world = try await world()
        let admin = try await world.session()
        let member = try await world.session(of: "member")
        let book = #"{"name":"a","pages":3}"#
        _ = try await world.send(.post, "/api/v1/book", bearer: admin, body: book)
        #expect(try await world.send(.post, "/api/v1/book", bearer: admin, body: "{}").error == "a book has pages")
        #expect(
            try await world.send(.patch, "/api/v1/book/9", bearer: admin, body: book).error
                == "book id 9 does not exist")
        #expect(
            try await world.send(.post, "/api/v1/book", bearer: admin, body: #"{"pages":-1}"#).error
                == "invalid arguments: /pages: must be >= 0")
        #expect(try await world.send(.post, "/api/v1/book", body: book).error == "ApiErrorUnauthorized")
        #expect(
            try await world.send(.patch, "/api/v1/book/1", bearer: member, body: book).error == "permission denied")
        #expect(
            try await world.send(.post, "/api/v1/batch-delete/book", bearer: member, body: "[1]").error
                == "permission denied")
        #expect(try await world.send(.get, "/api/v1/book", bearer: member).json == ["success": true, "data": []])
        let reader = try await world.token("nezha:nat:read")
        #expect(try await world.send(.get, "/api/v1/book", bearer: reader).status == 200)
        let refused = try await world.send(.post, "/api/v1/book", bearer: reader, body: book)
        #expect(refused.status == 403)
        #expect(refused.error == "ApiErrorForbidden: api token lacks scope nezha:nat:write")
    }

    @Test("the OpenAPI document has its operations, with the shape for both ways")
    func document() async throws {
        let world = try await world()
        let json = try OpenAPIDocument(world.adapter.routes, version: "1").json
        let path = json["paths"]?["/book"] ?? json["paths"]?["/api/v1/book"]
        let body = path?["post"]?["requestBody"]?["content"]?["application/json"]?["schema"]?["properties"]
        #expect(body?.objectValue?.keys == ["name", "pages"])
    }
}
