import HTTP
package import MCPServer

/// `docs/scopes.md`: who may call what, made of the route table and of the tools.
package struct ScopeDocument: Sendable {
    package let text: String

    /// - Parameter tools: all of them, in the order of the lists.
    package init(_ table: RouteTable, tools: [ToolDefinition]) {
        text = """
            # Who may call what

            Made by `nezha-gateway schema scopes`; do not edit. A token needs every scope of a row. `nezha:<resource>:*` \
            grants all of a resource, `nezha:*` everything; what a token may do is never more than its owner may.

            ## REST, below `\(RouteTable.prefix)`

            | Route | For | A token needs | Tool |
            | --- | --- | --- | --- |
            \(Self.routes(table))

            ## MCP

            | Tool | Toolset | A token needs | About |
            | --- | --- | --- | --- |
            \(Self.tools(tools))

            ## Scopes

            | Scope | For |
            | --- | --- |
            \(Self.scopes(table, tools))

            """
    }

    private static func routes(_ table: RouteTable) -> String {
        table.routes.compactMap { route in
            table.tools[route.tool].map { tool in
                row([
                    "`\(route.method.rawValue) \(OpenAPIOperation.path(of: route))`", AccessWords.who(tool.access),
                    AccessWords.token(tool.access, route.credentials), "`\(route.tool)`",
                ])
            }
        }.joined(separator: "\n")
    }

    private static func tools(_ tools: [ToolDefinition]) -> String {
        tools.compactMap { tool in
            guard case .mcp(let toolset) = tool.exposure else { return nil }
            return row(["`\(tool.name)`", toolset.rawValue, AccessWords.token(tool.access), tool.title])
        }.joined(separator: "\n")
    }

    /// Every scope that a token may carry, the wildcards apart, with what asks for it.
    private static func scopes(_ table: RouteTable, _ tools: [ToolDefinition]) -> String {
        let all = Scope.resources.flatMap { resource in
            resource.verbs.map { Scope("nezha:\(resource.name):\($0)") }
        }
        return (all + [.admin]).map { scope in
            let routes = table.routes.filter { route in
                guard route.credentials == .any, let tool = table.tools[route.tool] else { return false }
                return AccessWords.scopes(tool.access).contains(scope)
            }
            let exposed = tools.filter { tool in
                guard case .mcp = tool.exposure else { return false }
                return AccessWords.scopes(tool.access).contains(scope)
            }
            let users =
                routes.map { "`\($0.method.rawValue) \(OpenAPIOperation.path(of: $0))`" }
                + exposed.map { "`\($0.name)`" }
            return row([
                "`\(scope)`",
                users.isEmpty ? "nothing; tokens of older dashboards carry it" : users.joined(separator: ", "),
            ])
        }.joined(separator: "\n")
    }

    private static func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
}
