import Storage

extension IdentityCache {
    /// The servers that a caller may manage, in list order: his own, or all for an administrator, narrowed by the
    /// token's server list. Every list of servers is made here (`security.md`: one visibility function).
    func servers(visibleTo principal: Principal) -> [ServerRecord] {
        servers.filter { server in
            principal.owns(resourceOf: server.userID) && (principal.token?.lists(server: server.id) ?? true)
        }
    }
}

extension ServerRecord {
    /// Whether the public pages may show the server to this caller: it is not hidden, or his own (`rest-details.md` 6).
    func isShown(to principal: Principal) -> Bool {
        !hideForGuest || principal.owns(resourceOf: userID)
    }
}

extension String {
    /// `nil` where answers leave an empty text out.
    var nonEmpty: String? { isEmpty ? nil : self }
}

extension Array {
    /// `nil` where answers leave an empty list out.
    var nonEmpty: Array? { isEmpty ? nil : self }
}
