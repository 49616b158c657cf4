import Storage

/// What forms refer to, and whether a caller may (`rest-details.md` 5).
struct ResourceReferences: Sendable {
    private let groups: any ResourceRepository<NotificationGroupForm>
    private let tasks: any ResourceRepository<CronForm>
    private let profiles: any ResourceRepository<DDNSForm>
    private let identity: IdentityCache

    init(_ services: ToolServices) {
        groups = services.storage.rows(of: NotificationGroupForm.self)
        tasks = services.storage.rows(of: CronForm.self)
        profiles = services.storage.rows(of: DDNSForm.self)
        identity = services.identity
    }

    /// None (0), or one that is there and the caller's.
    func requireNotificationGroup(_ id: Int64, _ principal: Principal) async throws {
        if id == 0 { return }
        guard let group = try await groups.find(id: id) else {
            throw ToolFailure.rejected("notification group id \(id) does not exist")
        }
        guard principal.owns(resourceOf: group.owner) else { throw ToolFailure.permissionDenied }
    }

    /// The caller's, as far as they exist; a token that has them run must be one that may run tasks.
    func requireTasks(_ ids: [Int64], _ principal: Principal) async throws {
        if ids.isEmpty { return }
        guard principal.token?.grants(.cronExec) ?? true else { throw ToolFailure.permissionDenied }
        for task in try await tasks.all() where ids.contains(task.id) {
            guard principal.owns(resourceOf: task.owner) else { throw ToolFailure.permissionDenied }
            // Who may not run it by hand may not have it run either.
            let reach = CronResource.reach(of: task.form)
            guard identity.covers([reach], of: task.owner, principal.token) else { throw ToolFailure.permissionDenied }
        }
    }

    /// Those that exist, all of which must be the caller's. Others are left out: an administrator who makes one of such an id
    /// later would work for whoever named it.
    func knownDDNSProfiles(_ ids: [Int64], _ principal: Principal) async throws -> [Int64] {
        var known: [Int64] = []
        for id in ids where !known.contains(id) {
            guard let profile = try await profiles.find(id: id) else { continue }
            guard principal.owns(resourceOf: profile.owner) else { throw ToolFailure.permissionDenied }
            known.append(id)
        }
        return known
    }

    /// Every server that exists is the caller's; unknown ones pass.
    func requireServers(_ ids: some Collection<Int64>, _ principal: Principal) throws(ToolFailure) {
        for id in ids {
            guard let server = identity.server(id: id) else { continue }
            guard principal.owns(resourceOf: server.userID) else { throw .permissionDenied }
        }
    }

    /// The excluded servers that exist; one that the owner cannot reach refuses all. The reference refuses unknown ones,
    /// too, so that a deleted server makes every later save fail (`engines-details.md` 3, Mistake).
    func excluded(_ ids: some Collection<Int64>, of owner: Int64) throws(ToolFailure) -> [Int64] {
        var known: [Int64] = []
        for id in ids {
            guard let server = identity.server(id: id) else { continue }
            guard identity.reaches(server, owner: owner) else { throw .permissionDenied }
            known.append(id)
        }
        return known
    }
}
