package import AgentLink
package import JSON
package import Settings
import Storage

/// Decides whether a principal may call a tool on the server its arguments name. The only place where this is decided,
/// for MCP, REST, transfers and sockets alike.
package struct AccessGate: Sendable {
    private let identity: IdentityCache
    private let settings: any SettingsStore
    private let network: any AgentNetwork

    package init(identity: IdentityCache, settings: any SettingsStore, network: any AgentNetwork) {
        self.identity = identity
        self.settings = settings
        self.network = network
    }

    /// The scope or the class of caller that the tool demands.
    package func checkAccess(_ access: ToolAccess, _ principal: Principal) throws(ToolFailure) {
        switch access {
        case .open:
            return
        case .guest(let scope, let other):
            if case .guest = principal.credential, settings.shared.value.forceAuth { throw .unauthenticated }
            if let other, let token = principal.token, token.grants(other) { return }
            try requireScopes([scope], principal)
        case .user(let scopes):
            try requireUser(principal)
            try requireScopes(scopes, principal)
        case .sessionOnly:
            if principal.token != nil { throw .tokenForbidden }
            try requireUser(principal)
        case .administrator:
            try requireUser(principal)
            try requireScopes([.admin], principal)
            guard principal.isAdministrator else { throw .notAdministrator }
        }
    }

    /// The server that the arguments name: given, on the token's list, known, and the caller's (`mcp.md` 4.1).
    ///
    /// - Returns: the server's id; `nil` for tools without a target.
    package func checkTarget(
        _ target: ToolTarget, _ arguments: JSONValue, _ principal: Principal
    ) throws(ToolFailure) -> Int64? {
        guard target != .none else { return nil }
        guard let given = arguments["server_id"], given != .null, given.int64Value != 0 else {
            throw .invalidArguments("server_id required")
        }
        guard let id = given.int64Value, id > 0 else {
            throw .invalidArguments("invalid arguments: /server_id: must be a whole number >= 1")
        }
        try checkServer(id, principal)
        return id
    }

    /// Whether the server is on the token's list, known, and the caller's.
    func checkServer(_ id: Int64, _ principal: Principal) throws(ToolFailure) {
        _ = try identity.require(server: id, by: principal, missing: .serverOffline)
    }

    /// Whether a call that has begun may go on under the principal as it stands now.
    /// - Parameter server: the one that the tool has found for itself.
    func allows(
        _ definition: ToolDefinition, _ arguments: JSONValue, server: Int64? = nil, _ principal: Principal
    ) -> Bool {
        do {
            try checkAccess(definition.access, principal)
            _ = try checkTarget(definition.target, arguments, principal)
            if let server { try checkServer(server, principal) }
            return true
        } catch {
            return false
        }
    }

    /// Agents before v2.1.0 do not know the tasks of MCP; one that never reported is left to the call (`mcp.md` 4.1).
    package func checkVersion(_ target: ToolTarget, server id: Int64?) async throws(ToolFailure) {
        guard target == .agent, let id else { return }
        let presence = await network.presence(of: [id])
        guard let host = presence[id]?.host else { return }
        guard AgentVersion(host.version) >= .firstWithMCP else { throw .unsupportedAgent }
    }

    private func requireUser(_ principal: Principal) throws(ToolFailure) {
        guard principal.user != nil else { throw .unauthenticated }
    }

    private func requireScopes(_ scopes: [Scope], _ principal: Principal) throws(ToolFailure) {
        guard let token = principal.token else { return }
        for scope in scopes where !token.grants(scope) { throw .scopeMissing(scope) }
    }
}

extension IdentityCache {
    /// The server, if the caller may manage it.
    ///
    /// An unknown server and somebody else's answer alike, so that ids cannot be probed; only an administrator, who may
    /// see every server, learns that there is none.
    /// - Parameter missing: what an administrator is told then.
    func require(
        server id: Int64, by principal: Principal, missing: ToolFailure
    ) throws(ToolFailure) -> ServerRecord {
        do throws(ServerRefusal) {
            return try managed(server: id, by: principal)
        } catch {
            throw error == .unknown && principal.isAdministrator ? missing : .permissionDenied
        }
    }
}

/// The three numbers of an agent's version; whatever is missing or no number counts as 0 (`mcp.md` 4.1).
package struct AgentVersion: Sendable, Comparable {
    private let parts: [Int]

    /// - Parameter text: such as `v2.1.0-beta+build`; one leading `v` and everything from `-` or `+` on is ignored.
    package init(_ text: String) {
        let bare = text.hasPrefix("v") ? text.dropFirst() : text[...]
        let numbers = bare.prefix { $0 != "-" && $0 != "+" }.split(separator: ".", omittingEmptySubsequences: false)
        parts = (0..<3).map { $0 < numbers.count ? Int(numbers[$0]) ?? 0 : 0 }
    }

    package static let firstWithMCP = AgentVersion("2.1.0")

    package static func < (left: AgentVersion, right: AgentVersion) -> Bool {
        left.parts.lexicographicallyPrecedes(right.parts)
    }
}
