import AgentLink
import Storage

/// `user.delete`: forget accounts with their servers, tasks, tokens and log-ins; what else they own stays without an owner
/// and reaches nothing (`engines-details.md` 1).
struct UserDeleteTool: Tool {
    private let storage: Storage
    private let identity: IdentityCache
    private let live: LiveWork
    private let network: any AgentNetwork
    private let ownership: OwnershipTransfers
    private let transferURLs: TransferURLs

    init(_ services: ToolServices) {
        storage = services.storage
        identity = services.identity
        live = services.live
        network = services.network
        ownership = services.ownership
        transferURLs = services.transferURLs
    }

    let definition = ToolDefinition(
        name: "user.delete", title: "Delete users",
        description: """
            Deletes accounts with their servers, tokens and log-ins, and ends what runs under them. Unknown ids are \
            ignored; nobody deletes themselves.
            """,
        annotations: ToolAnnotations(destructive: true, idempotent: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.user_delete_input_json),
        outputSchema: SchemaSource(PackageResources.user_delete_output_json))

    struct Input: Decodable, Sendable {
        var ids: [Int64]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        guard !input.ids.isEmpty else { throw ToolFailure.rejected("user id not specified") }
        if let own = call.principal.user?.id, input.ids.contains(own) {
            throw ToolFailure.rejected("can't delete yourself")
        }
        let users = Set(input.ids)
        try await call.completing {
            let gone = try await storage.users.delete(ids: input.ids)
            // Gone from memory before their agents lose their streams, which come again at once.
            try await identity.refresh()
            let tasks = storage.rows(of: CronForm.self)
            let theirs = try await tasks.all().filter { users.contains($0.owner) }.map(\.id)
            try await tasks.delete(ids: theirs) { _ in }
            let tokens = Set(gone.tokens)
            transferURLs.purge { tokens.contains($0.tokenID) }
            live.cancel(cause: .rightsLost) { entry in entry.principal.user.map { users.contains($0.id) } ?? false }
            await ownership.removed(servers: gone.servers)
            for id in gone.servers { await network.disconnect(server: id, detach: true) }
        }
        return NoOutput()
    }
}
