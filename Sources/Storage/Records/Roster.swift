/// The servers that there are, and who may reach them, as they stand now.
package protocol Roster: Sendable {
    /// In list order.
    var servers: [ServerRecord] { get }
    func server(id: Int64) -> ServerRecord?
    /// Whether there is such a user, and they are an administrator.
    func isAdministrator(_ user: Int64) -> Bool
}

extension ServerRecord {
    /// Whether what belongs to `owner` may act on the server: it is the owner's, or the owner is an administrator. Owner 0
    /// is the global secret and rows of old, which count as an administrator's (`engines-details.md` 1).
    package func isReached(byOwner owner: Int64, isAdministrator: (Int64) -> Bool) -> Bool {
        owner == 0 || userID == owner || isAdministrator(owner)
    }
}

extension Roster {
    /// As ``ServerRecord/isReached(byOwner:isAdministrator:)``, with the users as they stand now.
    package func reaches(_ server: ServerRecord, owner: Int64) -> Bool {
        server.isReached(byOwner: owner, isAdministrator: isAdministrator)
    }

    /// The servers that what belongs to `owner` may act on, in list order.
    package func servers(of owner: Int64) -> [ServerRecord] {
        let isAdministrator = isAdministrator(owner)
        return servers.filter { $0.isReached(byOwner: owner) { _ in isAdministrator } }
    }

    /// Whether what belongs to one may be run by what belongs to another.
    package func mayTrigger(_ owner: Int64, by trigger: Int64) -> Bool {
        owner == trigger || trigger == 0 || isAdministrator(trigger)
    }
}
