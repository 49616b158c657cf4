package import HTTP

package import struct FoundationEssentials.Date

/// On whose behalf a tool is called, as read for this very request.
package struct Principal: Sendable {
    package enum Credential: Sendable {
        /// Nobody is logged in.
        case guest
        case token(TokenIdentity)
        case session(SessionIdentity)
    }

    /// The user behind the credential; `nil` for guests.
    package let user: UserIdentity?
    package let credential: Credential
    /// The revision of the identity data that this was read from; work that begins under a later one is checked
    /// again (``LiveWork``).
    package let revision: Int64

    package init(user: UserIdentity?, credential: Credential, revision: Int64 = 0) {
        self.user = user
        self.credential = credential
        self.revision = revision
    }

    package static let guest = Principal(user: nil, credential: .guest)

    package var token: TokenIdentity? {
        guard case .token(let token) = credential else { return nil }
        return token
    }

    package var session: SessionIdentity? {
        guard case .session(let session) = credential else { return nil }
        return session
    }

    package var isAdministrator: Bool { user?.isAdministrator ?? false }

    /// Whether a resource of this owner belongs to the caller or the caller is an administrator. Owner 0 is nobody
    /// (`security.md`, binding).
    package func owns(resourceOf ownerID: Int64) -> Bool {
        Self.isOwner(of: ownerID, user: user?.id ?? 0, isAdministrator: isAdministrator)
    }

    /// The same for a user who is known by what they were when a list was made for them; 0 is nobody.
    static func isOwner(of ownerID: Int64, user: Int64, isAdministrator: Bool) -> Bool {
        isAdministrator || (user > 0 && user == ownerID)
    }
}

extension InboundRequest {
    /// Its credential was believed: the connection that it came over is the user's from now on.
    package func isOf(_ principal: Principal) {
        if let user = principal.user { isOf(user: user.id) }
    }
}

package struct UserIdentity: Sendable, Hashable {
    package var id: Int64
    package var username: String
    package var isAdministrator: Bool

    package init(id: Int64, username: String, isAdministrator: Bool) {
        self.id = id
        self.username = username
        self.isAdministrator = isAdministrator
    }
}

/// An accepted Personal Access Token, without its secret.
package struct TokenIdentity: Sendable, Hashable {
    package var id: Int64
    package var name: String
    package var scopes: [Scope]
    /// Empty means no restriction beyond the owner's own.
    package var serverIDs: [Int64]
    package var expiresAt: Date?

    package init(id: Int64, name: String, scopes: [Scope], serverIDs: [Int64], expiresAt: Date?) {
        self.id = id
        self.name = name
        self.scopes = scopes
        self.serverIDs = serverIDs
        self.expiresAt = expiresAt
    }

    package func grants(_ wanted: Scope) -> Bool {
        scopes.contains { $0.covers(wanted) }
    }

    /// Whether the server list lets the token act on server `id`.
    package func lists(server id: Int64) -> Bool {
        serverIDs.isEmpty || serverIDs.contains(id)
    }

    /// The moment of expiry itself is still good (`mcp.md` 8.2).
    package func isExpired(at now: Date) -> Bool {
        guard let expiresAt else { return false }
        return now > expiresAt
    }
}

/// An accepted log-in.
package struct SessionIdentity: Sendable, Hashable {
    package var keyID: String

    package init(keyID: String) { self.keyID = keyID }
}
