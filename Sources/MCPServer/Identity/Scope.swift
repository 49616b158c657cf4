/// A permission of a Personal Access Token: `nezha:{resource}:{verb}` (`mcp.md` 8.3).
package struct Scope: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package init(_ rawValue: String) { self.rawValue = rawValue }

    package var description: String { rawValue }

    package static let everything = Scope("nezha:*")
    package static let admin = Scope("nezha:admin:*")
    package static let inventoryRead = Scope("nezha:inventory:read")
    package static let inventoryDelete = Scope("nezha:inventory:delete")
    package static let serverRead = Scope("nezha:server:read")
    package static let serverWrite = Scope("nezha:server:write")
    package static let serverDelete = Scope("nezha:server:delete")
    package static let serverExec = Scope("nezha:server:exec")
    package static let cronExec = Scope("nezha:cron:exec")
    package static let transferRead = Scope("nezha:transfer:read")
    package static let transferWrite = Scope("nezha:transfer:write")

    /// Whether holding this scope grants `wanted`: equal; or this is `nezha:*` and `wanted` starts with `nezha:`;
    /// or this ends in `:*` and `wanted` lies under the same resource.
    package func covers(_ wanted: Scope) -> Bool {
        if rawValue == wanted.rawValue { return true }
        if self == .everything { return wanted.rawValue.hasPrefix("nezha:") }
        guard rawValue.hasPrefix("nezha:"), rawValue.hasSuffix(":*") else { return false }
        return wanted.rawValue.hasPrefix(rawValue.dropLast())
    }
}

extension Scope {
    /// The resources and the verbs that each has; the source of every list of scopes.
    package static let resources: [(name: String, verbs: [String])] = [
        ("inventory", ["read", "delete"]),
        ("server", ["read", "write", "delete", "exec"]),
        ("service", ["read", "write", "delete"]),
        ("alertrule", ["read", "write", "delete"]),
        ("cron", ["read", "write", "delete", "exec"]),
        ("ddns", ["read", "write", "delete"]),
        ("nat", ["read", "write", "delete"]),
        ("notification", ["read", "write", "delete"]),
        ("notification-group", ["read", "write", "delete"]),
        ("transfer", ["read", "write", "delete"]),
    ]

    /// Scopes that only an administrator may issue.
    package static let administratorOnly: Set<Scope> = [.everything, .admin]

    /// Every scope that a token may carry: 31 plain ones, 10 resource wildcards and the two of administrators.
    package static let issuable: Set<Scope> = {
        var all = administratorOnly
        for resource in resources {
            for verb in resource.verbs { all.insert(Scope("nezha:\(resource.name):\(verb)")) }
            all.insert(Scope("nezha:\(resource.name):*"))
        }
        return all
    }()

    /// What a scope of the time before `nezha:` is rewritten to when a token is made or migrated (`mcp.md` 8.4);
    /// `nil` for every other text, the dangerous old ones included.
    package static func rewritingLegacy(_ text: String) -> Scope? {
        switch text {
        case "mcp:server:read", "mcp:fs:read": .serverRead
        case "mcp:server:exec": .serverExec
        default: nil
        }
    }
}
