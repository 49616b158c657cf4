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

extension IdentityCache {
    /// Whether the caller may manage this server; no when there is none.
    func mayManage(server id: Int64, _ principal: Principal) -> Bool {
        guard principal.token?.lists(server: id) ?? true, let server = server(id: id) else { return false }
        return principal.owns(resourceOf: server.userID)
    }

    /// The servers of a list that exist, each once. One that is not the caller's refuses the list; one that the token
    /// does not name refuses it whether it exists or not (`rest-details.md` 4 and 6).
    func manageable(_ ids: [Int64], _ principal: Principal) throws(ToolFailure) -> [Int64] {
        var found: [Int64] = []
        for id in ids.unique {
            guard principal.token?.lists(server: id) ?? true else { throw .permissionDenied }
            guard let server = server(id: id) else { continue }
            guard principal.owns(resourceOf: server.userID) else { throw .permissionDenied }
            found.append(id)
        }
        return found
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
