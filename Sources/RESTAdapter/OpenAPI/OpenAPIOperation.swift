import HTTP
import JSON
import MCPServer

/// What the OpenAPI document says of one route.
struct OpenAPIOperation {
    static let token = "token"
    static let session = "session"
    static let cookie = "cookie"

    private let route: Route
    private let tool: ToolDefinition
    private let input: JSONObject
    private let output: JSONValue

    init(_ route: Route, _ tool: ToolDefinition) throws {
        self.route = route
        self.tool = tool
        input = try tool.inputSchema.document().withoutExtensions.objectValue ?? JSONObject()
        output = try tool.outputSchema.document().withoutExtensions
    }

    /// The path with its parameters as OpenAPI writes them.
    static func path(of route: Route) -> String {
        route.path.segments.map { segment in
            switch segment {
            case .literal(let text): "/" + text
            case .number(let name), .text(let name): "/{\(name)}"
            }
        }.joined()
    }

    var json: JSONValue {
        var operation: JSONObject = [
            "operationId": .string(route.tool),
            "summary": .string(tool.title),
            "description": .string(tool.description + "\n\n" + AccessWords.sentence(tool.access, route)),
            "tags": [.string(tag)],
            "security": .array(security),
        ]
        let parameters = self.parameters
        if !parameters.isEmpty { operation["parameters"] = .array(parameters) }
        if let body = requestBody { operation["requestBody"] = body }
        operation["responses"] = .object(responses)
        return .object(operation)
    }

    /// What a call is about: `server` for `POST /batch-delete/server`.
    private var tag: String {
        let verbs = ["batch-delete", "batch-move", "force-update", "ws"]
        let names = route.path.segments.compactMap { segment -> String? in
            guard case .literal(let text) = segment else { return nil }
            return verbs.contains { $0.utf8.elementsEqual(text.utf8) } ? nil : text
        }
        return names.first ?? "other"
    }

    private var security: [JSONValue] {
        let sessions: [JSONValue] = [[Self.session: []], [Self.cookie: []]]
        func tokens(_ scopes: [Scope]) -> JSONValue { [Self.token: .array(scopes.map { .string($0.rawValue) })] }
        guard route.credentials != .none else { return [] }
        switch tool.access {
        case .open: return [[:]] + sessions
        case .guest(let scope, let other):
            return [[:], tokens([scope])] + (other.map { [tokens([$0])] } ?? []) + sessions
        case .user(let scopes): return [tokens(scopes)] + sessions
        case .sessionOnly: return sessions
        case .administrator: return [tokens([.admin])] + sessions
        }
    }

    private func property(_ name: String) -> JSONValue { input["properties"]?[name] ?? [:] }

    private func isRequired(_ name: String) -> Bool {
        input["required"]?.arrayValue?.contains { $0.stringValue.map { $0.utf8.elementsEqual(name.utf8) } ?? false }
            ?? false
    }

    private var parameters: [JSONValue] {
        let inPath = route.path.parameters.map { name -> JSONValue in
            ["name": .string(name), "in": "path", "required": true, "schema": property(route.renamed[name] ?? name)]
        }
        let inQuery = route.query.map { parameter -> JSONValue in
            let schema = property(parameter.argument)
            var row: JSONObject = ["name": .string(parameter.name), "in": "query", "schema": schema]
            // `1,2,3`
            if parameter.kind == .idList { row["style"] = "form"; row["explode"] = false }
            if isRequired(parameter.argument) { row["required"] = true }
            return .object(row)
        }
        let inCookies = route.cookies.sorted { $0.key < $1.key }.map { name, argument -> JSONValue in
            ["name": .string(name), "in": "cookie", "schema": property(argument)]
        }
        return inPath + inQuery + inCookies
    }

    private var requestBody: JSONValue? {
        switch route.body {
        case .none: return nil
        case .array(let argument):
            return body(["application/json": ["schema": property(argument)]])
        case .object: return body(["application/json": ["schema": form]])
        case .objectOrForm:
            return body(["application/json": ["schema": form], "application/x-www-form-urlencoded": ["schema": form]])
        }
    }

    private func body(_ content: JSONValue) -> JSONValue { ["required": true, "content": content] }

    /// The members of the body: the arguments that come from nowhere else. Others are ignored, so none is forbidden.
    private var form: JSONValue {
        var form = input
        let elsewhere = route.arguments
        func isHere(_ name: String) -> Bool { !elsewhere.contains { $0.utf8.elementsEqual(name.utf8) } }
        let properties = input["properties"]?.objectValue ?? JSONObject()
        form["properties"] = .object(
            JSONObject(uniqueMembers: properties.filter { isHere($0.key) }.map { ($0.key, $0.value) }))
        let required = (input["required"]?.arrayValue ?? []).filter { $0.stringValue.map(isHere) ?? false }
        form["required"] = required.isEmpty ? nil : .array(required)
        form["additionalProperties"] = nil
        return .object(form)
    }

    private var responses: JSONObject {
        var responses: JSONObject
        switch route.result {
        case .socket:
            responses = ["101": ["description": "The WebSocket is open."]]
            responses["200"] = answer("A refusal.", nil)
        case .redirect:
            responses = ["302": ["description": "Leads on to a page."]]
            responses["200"] = answer("A refusal.", nil)
        case .none: responses = ["200": answer("Done, or a refusal.", nil)]
        case .data: responses = ["200": answer("The result, or a refusal.", output)]
        case .member(let name): responses = ["200": answer("The result, or a refusal.", output["properties"]?[name])]
        }
        let refusal = Self.refusal
        if route.credentials != .none {
            responses["401"] = Self.describing("The token is not good.", refusal)
            responses["403"] = Self.describing(
                "The token or the request may not do this, or the address is blocked.", refusal)
        }
        responses["default"] = Self.describing("The request is refused.", refusal)
        return responses
    }

    private static func describing(_ text: String, _ content: JSONValue) -> JSONValue {
        ["description": .string(text), "content": content]
    }

    private func answer(_ description: String, _ data: JSONValue?) -> JSONValue {
        var properties: JSONObject = ["success": ["type": "boolean"], "error": ["type": "string"]]
        if let data { properties["data"] = data }
        let schema: JSONValue = [
            "type": "object", "properties": .object(properties), "required": ["success"],
        ]
        return Self.describing(description, ["application/json": ["schema": schema]])
    }

    /// A page to browsers that are blocked, plain text to what is no WebSocket.
    private static let refusal: JSONValue = [
        "application/json": [
            "schema": [
                "type": "object", "properties": ["success": ["const": false], "error": ["type": "string"]],
                "required": ["success", "error"],
            ]
        ],
        "text/html": [:], "text/plain": [:],
    ]
}
