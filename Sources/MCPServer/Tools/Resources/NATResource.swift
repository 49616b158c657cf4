import Settings
import Storage

/// Host names whose requests go through an agent (`rest-details.md` 5, NAT).
struct NATResource: Resource {
    private let identity: IdentityCache
    private let settings: any SettingsStore

    init(_ services: ToolServices) {
        identity = services.identity
        settings = services.settings
    }

    let definition = ResourceDefinition(
        name: "nat", title: "NAT rule", plural: "NAT rules", shape: SchemaSource(PackageResources.nat_json),
        scope: "nat", missing: { .rejected("profile id \($0) does not exist") })

    func check(_ form: inout NATForm, by principal: Principal) async throws {
        guard let server = identity.server(id: form.serverID) else {
            throw ToolFailure.rejected("have invalid server id")
        }
        guard principal.owns(resourceOf: server.userID) else { throw ToolFailure.permissionDenied }
        guard !settings.current.reserves(host: form.domain) else { throw ToolFailure.permissionDenied }
    }

    func reach(of form: NATForm) -> [ServerReach] { [.only([form.serverID])] }
}
