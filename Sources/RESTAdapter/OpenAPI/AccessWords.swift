import MCPServer

/// Who may call something, in words.
enum AccessWords {
    static func who(_ access: ToolAccess) -> String {
        switch access {
        case .open: "everybody"
        case .guest: "everybody, unless `force_auth` is set"
        case .user: "users"
        case .sessionOnly: "users, by log-in only"
        case .administrator: "administrators"
        }
    }

    /// The scopes that a token needs, all of them.
    static func scopes(_ access: ToolAccess) -> [Scope] {
        switch access {
        case .open, .sessionOnly: []
        case .guest(let scope, _): [scope]
        case .user(let scopes): scopes
        case .administrator: [.admin]
        }
    }

    /// What a token needs, for a table.
    static func token(_ access: ToolAccess, _ credentials: RouteCredentials = .any) -> String {
        switch (access, credentials) {
        case (_, .none): "–"
        case (.sessionOnly, _): "refused"
        case (_, .sessions), (_, .sessionsOnReturn): "counts as a guest"
        case (.guest(let scope, let other?), _): "`\(scope)` or `\(other)`"
        default:
            scopes(access).isEmpty ? "any" : scopes(access).map { "`\($0)`" }.joined(separator: ", ")
        }
    }

    static func sentence(_ access: ToolAccess, _ route: Route) -> String {
        let scopes = route.credentials == .any ? scopes(access) : []
        var needs = scopes.isEmpty ? "" : "; tokens need " + scopes.map { "`\($0)`" }.joined(separator: " and ")
        if !scopes.isEmpty, case .guest(_, let other?) = access { needs += " or `\(other)`" }
        return "For \(who(access))\(needs)."
    }
}
