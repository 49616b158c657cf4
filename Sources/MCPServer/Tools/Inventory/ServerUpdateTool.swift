import Storage

import struct FoundationEssentials.Date

/// `server.update`: what people say of a server, `PATCH /server/{id}` (`rest-details.md` 4: a full replacement, absent
/// means empty).
struct ServerUpdateTool: Tool {
    private let storage: Storage
    private let identity: IdentityCache
    private let references: ResourceReferences
    private let now: @Sendable () -> Date

    init(_ services: ToolServices) {
        storage = services.storage
        identity = services.identity
        now = services.now
        references = ResourceReferences(services)
    }

    let definition = ToolDefinition(
        name: "server.update", title: "Change a server",
        description: """
            Replaces name, notes, place, visibility and DDNS settings of a server; what is left out becomes empty. Its \
            owner and its agent stay as they are.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: false, idempotent: true, openWorld: false),
        access: .user([.serverWrite]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.server_update_input_json),
        outputSchema: SchemaSource(PackageResources.server_update_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
        var name: String?
        var note: String?
        var publicNote: String?
        var displayIndex: Int64?
        var hideForGuest: Bool?
        var enableDDNS: Bool?
        var ddnsProfiles: [Int64]?
        var overrideDDNSDomains: [String: [String]]?

        private enum CodingKeys: String, CodingKey {
            case id
            case name
            case note
            case publicNote = "public_note"
            case displayIndex = "display_index"
            case hideForGuest = "hide_for_guest"
            case enableDDNS = "enable_ddns"
            case ddnsProfiles = "ddns_profiles"
            case overrideDDNSDomains = "override_ddns_domains"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        var server = try identity.require(
            server: input.id, by: call.principal, missing: .rejected("server id \(input.id) does not exist"))
        let profiles = try await references.knownDDNSProfiles(input.ddnsProfiles ?? [], call.principal)
        server.name = input.name ?? ""
        server.note = input.note ?? ""
        server.publicNote = input.publicNote ?? ""
        server.displayIndex = input.displayIndex ?? 0
        server.hideForGuest = input.hideForGuest ?? false
        server.enableDDNS = input.enableDDNS ?? false
        server.ddnsProfiles = profiles
        server.overrideDDNSDomains = try Self.domains(input.overrideDDNSDomains ?? [:]).filter {
            profiles.contains($0.key)
        }
        server.updatedAt = now()
        do {
            // The owner is not written: the server may be given away at this very moment.
            try await storage.servers.update(server)
        } catch StorageError.notFound {
            throw ToolFailure.rejected("server id \(input.id) does not exist")
        }
        try await identity.refresh()
        return NoOutput()
    }

    private static func domains(_ given: [String: [String]]) throws(ToolFailure) -> [Int64: [String]] {
        var domains: [Int64: [String]] = [:]
        for (key, value) in given {
            guard let profile = Int64(key), profile >= 0 else {
                throw .invalidArguments("invalid arguments: /override_ddns_domains: a key is no id of a profile")
            }
            domains[profile] = value
        }
        return domains
    }
}
