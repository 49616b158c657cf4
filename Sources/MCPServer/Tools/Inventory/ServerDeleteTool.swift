import AgentLink
import Storage

/// `server.delete`: forget servers, `POST /batch-delete/server` (`engines-details.md` 1).
struct ServerDeleteTool: Tool {
    private let storage: Storage
    private let identity: IdentityCache
    private let network: any AgentNetwork
    private let ownership: OwnershipTransfers

    init(_ services: ToolServices) {
        storage = services.storage
        identity = services.identity
        network = services.network
        ownership = services.ownership
    }

    let definition = ToolDefinition(
        name: "server.delete", title: "Delete servers",
        description: """
            Forgets servers: their groups, what is open to them and a pending change of owner end. Unknown ids are \
            ignored, and one of somebody else's refuses the call. An agent that still runs registers anew.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
        access: .user([.inventoryDelete]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.server_delete_input_json),
        outputSchema: SchemaSource(PackageResources.server_delete_output_json))

    struct Input: Decodable, Sendable {
        var ids: [Int64]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        let ids = try identity.manageable(input.ids, call.principal)
        guard !ids.isEmpty else { return NoOutput() }
        try await call.completing {
            try await storage.servers.delete(ids: ids)
            // Gone from memory before their agents lose their streams, which come again at once.
            try await identity.refresh()
            await ownership.removed(servers: ids)
            for id in ids { await network.disconnect(server: id, detach: true) }
        }
        return NoOutput()
    }
}
