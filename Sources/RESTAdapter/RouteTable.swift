import HTTP
import JSON
package import MCPServer

extension Route {
    private static let page = [QueryParameter("limit", .count), QueryParameter("offset", .count)]

    /// Every route. To add one, add a line; its documents and permission tests follow.
    package static let all: [Route] =
        [
            Route(.post, "/login", "session.create", body: .objectOrForm, credentials: .none, effect: .login),
            Route(.post, "/refresh-token", "session.refresh", effect: .sessionCookies),
            Route(.get, "/profile", "profile.get"),
            Route(.post, "/profile", "profile.update", body: .object, result: .none, effect: .renewedSession),
            Route(.get, "/api-tokens", "token.list"),
            Route(.post, "/api-tokens", "token.create", body: .object),
            Route(.delete, "/api-tokens/{id}", "token.delete", result: .none),
            Route(.patch, "/api-tokens/{id}", "token.rename", body: .object, result: .none),
            Route(.get, "/user", "user.list"),
            Route(.post, "/user", "user.create", body: .object, result: .member("id")),
            Route(.post, "/batch-delete/user", "user.delete", body: .array("ids"), result: .none),
            Route(.get, "/server", "inventory.list", query: [QueryParameter("id", .idList, as: "ids")]),
            Route(.get, "/server/config/{id}", "server.config_get"),
            Route(.post, "/server/config", "server.config_apply", body: .object),
            Route(.post, "/force-update/server", "server.force_update", body: .array("ids")),
            Route(.patch, "/server/{id}", "server.update", body: .object, result: .none),
            Route(.post, "/batch-delete/server", "server.delete", body: .array("ids"), result: .none),
            Route(.post, "/batch-move/server", "server.move", body: .object),
            Route(.get, "/transfer", "transfer.list", query: [QueryParameter("id", .idList, as: "ids")]),
            Route(.post, "/transfer/{id}/cancel", "transfer.cancel"),
            Route(.post, "/transfer/{id}/retry", "transfer.retry"),
            Route(.get, "/ws/server", "server.watch", result: .socket),
            Route(.get, "/ws/transfer", "transfer.watch", result: .socket),
            Route(.get, "/waf", "waf.list", query: page),
            Route(.post, "/batch-delete/waf", "waf.delete", body: .array("ips"), result: .none),
            Route(.get, "/online-user", "online_user.list", query: page),
            Route(.post, "/online-user/batch-block", "online_user.block", body: .array("ips"), result: .none),
            Route(.get, "/setting", "setting.get", credentials: .sessions),
            Route(.patch, "/setting", "setting.update", body: .object, result: .none),
            Route(.post, "/maintenance", "maintenance.run", result: .none),
            Route(.post, "/terminal", "terminal.open", body: .objectOrForm),
            Route(
                .get, "/ws/terminal/{id:text}", "terminal.attach", renamed: ["id": "session_id"], result: .socket),
            Route(.post, "/file", "file_manager.open", query: [QueryParameter("id", .integer, as: "server_id")]),
            Route(
                .get, "/ws/file/{id:text}", "file_manager.attach", renamed: ["id": "session_id"], result: .socket),
            Route(.post, "/cron/{id}/manual", "cron.run", result: .none),
            Route(.get, "/ddns/providers", "ddns.providers"),
        ] + resource("/server-group", "server_group", selectsByID: false)
        + resource("/notification", "notification")
        + resource("/notification-group", "notification_group", selectsByID: false)
        + resource("/alert-rule", "alert_rule", updateAnswersID: true) + resource("/cron", "cron")
        + resource("/ddns", "ddns") + resource("/nat", "nat") + resource("/service", "service", list: "/service/list")
}

/// The routes, checked against the tools when the program starts.
package struct RouteTable: Sendable {
    /// Where the paths of the routes begin.
    package static let prefix = "/api/v1"

    package let routes: [Route]
    /// The definition of each route's tool, by name.
    package let tools: [String: ToolDefinition]
    /// Where in ``routes`` those are that a request may mean.
    private let places: [Shape: [Int]]

    private struct Shape: Hashable {
        var method: HTTPRequest.Method
        var segments: Int
    }

    /// - Throws: ``RouteTableError`` for a tool or an argument that does not exist, or two routes for one path.
    package init(_ routes: [Route] = Route.all, tools definitions: [ToolDefinition]) throws(RouteTableError) {
        self.routes = routes
        self.tools = Dictionary(definitions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        places = Dictionary(grouping: routes.indices) { place in
            Shape(method: routes[place].method, segments: routes[place].path.segments.count)
        }
        var shapes: Set<[String]> = []
        for route in routes {
            guard shapes.insert([route.method.rawValue] + route.path.shape).inserted else {
                throw .duplicate(route.name)
            }
            guard let tool = tools[route.tool] else { throw .unknownTool(route.name, tool: route.tool) }
            let known = Self.properties(of: tool.inputSchema)
            for argument in route.arguments where !known.contains(argument) {
                throw .unknownArgument(route.name, argument: argument)
            }
        }
    }

    /// A route and what its path says.
    final class Match: Sendable {
        let route: Route
        let tool: ToolDefinition
        let captures: [PathPattern.Capture]

        fileprivate init(route: Route, tool: ToolDefinition, captures: [PathPattern.Capture]) {
            self.route = route
            self.tool = tool
            self.captures = captures
        }
    }

    /// The route of a path as it came, still encoded; where two match, the one that spells out more.
    func match(_ method: HTTPRequest.Method, _ path: Substring) -> Match? {
        let prefix = Self.prefix.utf8
        guard path.utf8.starts(with: prefix), path.utf8.dropFirst(prefix.count).first == UInt8(ascii: "/") else {
            return nil
        }
        let parts = PathPattern.split(Substring(path.utf8.dropFirst(prefix.count)))
        var best: (place: Int, captures: [PathPattern.Capture])?
        for place in places[Shape(method: method, segments: parts.count)] ?? [] {
            guard let captures = routes[place].path.match(parts) else { continue }
            if let best, best.captures.count <= captures.count { continue }
            best = (place, captures)
        }
        guard let best, let tool = tools[routes[best.place].tool] else { return nil }
        return Match(route: routes[best.place], tool: tool, captures: best.captures)
    }

    private static func properties(of schema: SchemaSource) -> Set<String> {
        Set(schema.properties.map(\.key))
    }
}

extension SchemaSource {
    /// The top-level properties of an object's schema; empty for one that is no JSON, which the registry refuses.
    var properties: JSONObject {
        (try? document())?["properties"]?.objectValue ?? JSONObject()
    }
}

/// A mistake in the table, found when the program starts.
package enum RouteTableError: Error, Sendable, Equatable {
    case duplicate(String)
    case unknownTool(String, tool: String)
    case unknownArgument(String, argument: String)
}

extension Route {
    /// Such as `GET /server`.
    package var name: String { "\(method.rawValue) \(path)" }
}
