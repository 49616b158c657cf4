import HTTP
package import JSON
import MCPServer

/// The OpenAPI 3.1 document of `/api/v1`, made of the route table and of the schemas of its tools: nothing in it is written
/// twice.
package struct OpenAPIDocument: Sendable {
    package let json: JSONValue

    /// - Parameter version: of the gateway.
    /// - Throws: when a tool's schema is no JSON, which the registry refuses as well.
    package init(_ table: RouteTable, version: String) throws {
        var paths: [(key: String, value: JSONObject)] = []
        for route in table.routes {
            guard let tool = table.tools[route.tool] else { continue }
            let path = OpenAPIOperation.path(of: route)
            let operation = try OpenAPIOperation(route, tool).json
            let method = route.method.rawValue.lowercased()
            if let known = paths.firstIndex(where: { $0.key.utf8.elementsEqual(path.utf8) }) {
                paths[known].value[method] = operation
            } else {
                paths.append((path, JSONObject(uniqueMembers: [(method, operation)])))
            }
        }
        json = [
            "openapi": "3.1.0",
            "info": [
                "title": "nezha-gateway", "version": .string(version),
                "description": .string(Self.description),
            ],
            "servers": [["url": .string(RouteTable.prefix)]],
            "paths": .object(JSONObject(uniqueMembers: paths.map { ($0.key, .object($0.value)) })),
            "components": ["securitySchemes": Self.securitySchemes],
        ]
    }

    private static let description = """
        Every answer in JSON has `success`. A call that is refused answers `{"success": false, "error": "…"}`, in most cases \
        with status 200; tokens are refused with 401 and 403. The text of `error` is in the language of the settings.
        """

    private static let securitySchemes: JSONValue = [
        OpenAPIOperation.token: [
            "type": "http", "scheme": "bearer",
            "description": "A Personal Access Token, such as `nzp_…`; its scopes are listed with each call.",
        ],
        OpenAPIOperation.session: [
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "The `token` that `POST /login` answers.",
        ],
        OpenAPIOperation.cookie: [
            "type": "apiKey", "in": "cookie", "name": .string(SessionCookies.session),
            "description": """
            The cookie that `POST /login` sets. Calls other than GET need the header `X-CSRF-Token` with the value of the \
            cookie `nz-csrf` besides.
            """,
        ],
    ]
}
