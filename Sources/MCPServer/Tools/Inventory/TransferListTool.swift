import Storage

/// `transfer.list`: hand-overs between owners, pending and past, `GET /transfer` (`transfer.md` 2).
struct TransferListTool: Tool {
    private let storage: Storage

    init(_ services: ToolServices) {
        storage = services.storage
    }

    let definition = ToolDefinition(
        name: "transfer.list", title: "List transfers of servers",
        description: "Lists the transfers of servers between owners that the caller has to do with, newest first.",
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .user([.transferRead]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.transfer_list_input_json),
        outputSchema: SchemaSource(PackageResources.transfer_list_output_json))

    struct Input: Decodable, Sendable {
        var ids: [Int64]?
    }

    func run(_ input: Input, in call: ToolCall) async throws -> [ServerTransferItem] {
        guard let user = call.principal.user else { throw ToolFailure.unauthenticated }
        let rows = try await storage.serverTransfers.transfers(of: call.principal.isAdministrator ? nil : user.id)
        return rows.filter { $0.isShown(to: call.principal) }.selected(input.ids).map { ServerTransferItem($0) }
    }
}
