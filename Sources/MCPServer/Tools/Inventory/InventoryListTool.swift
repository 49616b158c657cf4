import AgentLink
import Storage

/// `inventory.list`: the servers that the caller may manage, in full (`rest.md` 4, Server).
struct InventoryListTool: Tool {
    private let identity: IdentityCache
    private let network: any AgentNetwork

    init(_ services: ToolServices) {
        identity = services.identity
        network = services.network
    }

    let definition = ToolDefinition(
        name: "inventory.list", title: "Manage servers",
        description: "Lists the servers that the caller may manage, with all that is stored and reported of them.",
        annotations: ToolAnnotations(readOnly: true),
        access: .user([.inventoryRead]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.inventory_list_input_json),
        outputSchema: SchemaSource(PackageResources.inventory_list_output_json))

    struct Input: Decodable, Sendable {
        var ids: [Int64]?
    }

    struct Owner: Encodable, Sendable {
        var id: Int64
        var username: String?
    }

    struct Item: Encodable, Sendable {
        var id: Int64
        var createdAt: Timestamp
        var updatedAt: Timestamp
        var name: String
        var uuid: String?
        var owner: Owner
        var note: String?
        var publicNote: String?
        var displayIndex: Int64
        var hideForGuest: Bool?
        var enableDDNS: Bool?
        var ddnsProfiles: [Int64]?
        var overrideDDNSDomains: [String: [String]]?
        var host: HostInfo
        var state: HostState
        var geoip: GeoIPInfo
        var lastActive: Timestamp

        private enum CodingKeys: String, CodingKey {
            case id
            case createdAt = "created_at"
            case updatedAt = "updated_at"
            case name
            case uuid
            case owner
            case note
            case publicNote = "public_note"
            case displayIndex = "display_index"
            case hideForGuest = "hide_for_guest"
            case enableDDNS = "enable_ddns"
            case ddnsProfiles = "ddns_profiles"
            case overrideDDNSDomains = "override_ddns_domains"
            case host
            case state
            case geoip
            case lastActive = "last_active"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> RecordList {
        // Asked first: what is read afterwards may be newer than it says, not older.
        let stored = identity.revision
        let visible = identity.servers(visibleTo: call.principal).selected(input.ids)
        let reported = await network.reportVersions(of: visible.map { $0.id })
        let entries = visible.indices.map { place in
            RecordList.Entry(
                id: visible[place].id,
                version: reported.map { RecordList.Version(stored: stored, reported: $0[place]) })
        }
        return RecordList(entries) { places in
            let servers = places.map { visible[$0] }
            let presence = await network.presence(of: servers.map { $0.id })
            return servers.map { item(of: $0, presence[$0.id]) }
        }
    }

    private func item(of server: ServerRecord, _ known: AgentPresence?) -> Item {
        let domains = Dictionary(
            uniqueKeysWithValues: server.overrideDDNSDomains.map { (String($0.key), $0.value) })
        return Item(
            id: server.id, createdAt: Timestamp(server.createdAt), updatedAt: Timestamp(server.updatedAt),
            name: server.name, uuid: server.uuid.nonEmpty,
            owner: Owner(id: server.userID, username: identity.user(id: server.userID)?.username),
            note: server.note.nonEmpty, publicNote: server.publicNote.nonEmpty, displayIndex: server.displayIndex,
            hideForGuest: server.hideForGuest ? true : nil, enableDDNS: server.enableDDNS ? true : nil,
            ddnsProfiles: server.ddnsProfiles.nonEmpty, overrideDDNSDomains: domains.isEmpty ? nil : domains,
            host: known?.host ?? HostInfo(), state: known?.state ?? HostState(), geoip: known?.geoIP ?? GeoIPInfo(),
            lastActive: Timestamp(orNever: known?.lastActive))
    }
}
