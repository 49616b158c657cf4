import Storage

/// `transfer.retry`: begin a hand-over that is settled once more, `POST /transfer/{id}/retry` (`transfer.md` 2).
struct TransferRetryTool: Tool {
    private let storage: Storage
    private let identity: IdentityCache
    private let ownership: OwnershipTransfers

    init(_ services: ToolServices) {
        storage = services.storage
        identity = services.identity
        ownership = services.ownership
    }

    let definition = ToolDefinition(
        name: "transfer.retry", title: "Retry a transfer of a server",
        description: "Begins a transfer that is settled once more, from whoever has the server now; a new one results.",
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: false),
        access: .user([.transferWrite]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.transfer_retry_input_json),
        outputSchema: SchemaSource(PackageResources.transfer_retry_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
    }

    func run(_ input: Input, in call: ToolCall) async throws -> ServerTransferItem {
        let principal = call.principal
        guard principal.isAdministrator else { throw ToolFailure.permissionDenied }
        guard let row = try await storage.serverTransfers.transfer(id: input.id) else { throw ToolFailure.database }
        guard principal.lists(server: row.serverID) else { throw ToolFailure.permissionDenied }
        guard row.status != .pending else {
            throw ToolFailure.rejected("cannot retry a non-terminal transfer (status=\(row.status.rawValue))")
        }
        guard let server = identity.server(id: row.serverID) else { throw ToolFailure.rejected("record not found") }
        guard try await identity.userMaybeNew(id: row.toUserID) != nil else {
            throw ToolFailure.rejected("target user \(row.toUserID) not found")
        }
        guard server.userID != row.toUserID else {
            throw ToolFailure.rejected("server already belongs to the target user")
        }
        do {
            let begun = try await call.completing {
                try await ownership.begin(server, to: row.toUserID, initiator: principal.user?.id ?? 0)
            }
            return ServerTransferItem(begun)
        } catch OwnershipTransfers.Refusal.agentTooOld {
            throw ToolFailure.rejected(Message(stringLiteral: OwnershipTransfers.tooOld))
        } catch OwnershipTransfers.Refusal.alreadyPending {
            throw ToolFailure.rejected("server already has an in-flight transfer")
        } catch OwnershipTransfers.Refusal.notFound {
            throw ToolFailure.rejected("record not found")
        }
    }
}
