import JSON
import Settings
import Storage

/// Host names whose requests go through an agent (`rest-details.md` 5, NAT).
struct NATResource: Resource {
    private let identity: IdentityCache
    private let settings: any SettingsStore
    private let rows: any ResourceRepository<NATForm>

    init(_ services: ToolServices) {
        identity = services.identity
        settings = services.settings
        rows = services.storage.rows(of: NATForm.self)
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

    /// A host is one user's, in any case of letters and with any port: who came second would take the first one's requests.
    func prepare(_ form: inout NATForm, of owner: Int64, _ arguments: JSONObject) async throws {
        let host = HostText(form.domain)
        guard !host.text.isEmpty else { return }
        for row in try await rows.all() where row.owner != owner && HostText(row.form.domain) == host {
            throw ToolFailure.rejected("domain is in use by another user")
        }
    }

    func reach(of form: NATForm) -> [ServerReach] { [.only([form.serverID])] }
}
