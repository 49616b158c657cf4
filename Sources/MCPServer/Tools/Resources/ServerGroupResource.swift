import Primitives
import Storage

/// Named sets of servers; the public pages show those that have something to show (`rest-details.md` 6).
struct ServerGroupResource: Resource {
    private let identity: IdentityCache

    init(_ services: ToolServices) {
        identity = services.identity
    }

    let definition = ResourceDefinition(
        name: "server_group", title: "server group", plural: "server groups",
        shape: SchemaSource(PackageResources.server_group_json), scope: "server",
        missing: { .rejected("group id \($0) does not exist") }
    ).with {
        $0.reading = .guest(.inventoryRead)
        $0.isOnMCP = false
        $0.deleting = .inventoryDelete
        $0.selectsByID = false
        $0.wrapper = "group"
        $0.foreign = .rejected("unauthorized")
    }

    func check(_ form: inout ServerGroupForm, by principal: Principal) async throws {
        form.servers = form.servers.unique
        for id in form.servers {
            guard let server = identity.server(id: id) else { throw ToolFailure.rejected("have invalid server id") }
            guard principal.owns(resourceOf: server.userID) else { throw ToolFailure.permissionDenied }
        }
    }

    func reach(of form: ServerGroupForm) -> [ServerReach] { [.only(form.servers)] }

    /// Guests see what the public pages show; a member all of their own; a token what it lists.
    func shown(
        _ row: Owned<ServerGroupForm>, to principal: Principal, isManaged: Bool
    ) -> Owned<ServerGroupForm>? {
        if isManaged, principal.token?.serverIDs.isEmpty ?? true { return row }
        guard principal.user == nil || principal.owns(resourceOf: row.owner) else { return nil }
        var row = row
        row.form.servers.removeAll { !isShown($0, to: principal) }
        return row.form.servers.isEmpty ? nil : row
    }

    private func isShown(_ id: Int64, to principal: Principal) -> Bool {
        if principal.token != nil { return principal.lists(server: id) }
        return identity.server(id: id)?.isShown(to: principal) ?? false
    }
}
