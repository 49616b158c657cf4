package import Storage

/// Why a server is out of a caller's reach.
package enum ServerRefusal: Error, Sendable, Hashable {
    /// The caller's token has a list of servers, and this one is not on it, whether it exists or not.
    case notListed
    case unknown
    /// It is somebody else's; or, for those who only look, it is hidden.
    case foreign
}

/// The one rule of rights on servers (`security.md`: one visibility function): the token's list, then whether there is such
/// a server, then whose it is. Tools, transfers, sockets and lists all ask here, in the order in which callers are told.
extension IdentityCache {
    /// The server, if the caller may manage it.
    package func managed(server id: Int64, by principal: Principal) throws(ServerRefusal) -> ServerRecord {
        try reached(id, by: principal) { principal.owns(resourceOf: $0.userID) }
    }

    /// The server, if the public pages may show it to the caller: it is not hidden, or the caller's own
    /// (`rest-details.md` 6).
    package func shown(server id: Int64, to principal: Principal) throws(ServerRefusal) -> ServerRecord {
        try reached(id, by: principal) { $0.isShown(to: principal) }
    }

    private func reached(
        _ id: Int64, by principal: Principal, _ isTheirs: (ServerRecord) -> Bool
    ) throws(ServerRefusal) -> ServerRecord {
        guard principal.lists(server: id) else { throw .notListed }
        guard let server = server(id: id) else { throw .unknown }
        guard isTheirs(server) else { throw .foreign }
        return server
    }
}

/// Whom what is stored may act for: the same rule as the engines'.
extension IdentityCache: Roster {
    package func isAdministrator(_ user: Int64) -> Bool { self.user(id: user)?.isAdministrator == true }
}

extension Principal {
    /// Whether the list of the caller's token, if there is one, has the server, which need not exist.
    package func lists(server id: Int64) -> Bool { token?.lists(server: id) ?? true }

    /// Whether the caller may manage a server that is there.
    package func manages(_ server: ServerRecord) -> Bool { manages(server: server.id, of: server.userID) }

    /// The same of the server as it was when it belonged to `owner`.
    package func manages(server id: Int64, of owner: Int64) -> Bool {
        lists(server: id) && owns(resourceOf: owner)
    }

    /// Whether there is no server that the caller does not manage.
    package var managesEveryServer: Bool { isAdministrator && token?.serverIDs.isEmpty ?? true }

    /// The same for those who only look.
    package func sees(_ server: ServerRecord) -> Bool { lists(server: server.id) && server.isShown(to: self) }
}

extension ServerRecord {
    /// Whether the public pages may show the server to this caller, lists of tokens apart.
    package func isShown(to principal: Principal) -> Bool {
        !hideForGuest || principal.owns(resourceOf: userID)
    }
}
