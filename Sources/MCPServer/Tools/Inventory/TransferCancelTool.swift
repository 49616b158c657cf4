import Storage

/// `transfer.cancel`: give a server back whose hand-over is pending, `POST /transfer/{id}/cancel` (`transfer.md` 2).
struct TransferCancelTool: Tool {
    private let storage: Storage
    private let ownership: OwnershipTransfers

    init(_ services: ToolServices) {
        storage = services.storage
        ownership = services.ownership
    }

    let definition = ToolDefinition(
        name: "transfer.cancel", title: "Cancel a transfer of a server",
        description: """
            Gives the server back to its former owner, for whom this is and for administrators. One that is settled \
            already stays as it is.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
        access: .user([.transferWrite]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.transfer_cancel_input_json),
        outputSchema: SchemaSource(PackageResources.transfer_cancel_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
    }

    func run(_ input: Input, in call: ToolCall) async throws -> ServerTransferItem {
        let principal = call.principal
        // Unknown and somebody else's answer alike.
        guard let row = try await storage.serverTransfers.transfer(id: input.id),
            principal.manages(server: row.serverID, of: row.fromUserID)
        else { throw ToolFailure.permissionDenied }
        guard row.status == .pending else { return ServerTransferItem(row) }
        let settled = try await call.completing { try await ownership.revert(row, to: .cancelled) }
        if let settled { return ServerTransferItem(settled) }
        // Settled by somebody else a moment ago.
        let now = try await storage.serverTransfers.transfer(id: input.id)
        return ServerTransferItem(now ?? row)
    }
}
