import Storage

/// `server.move`: give servers to another owner, `POST /batch-move/server` (`transfer.md` 2).
struct ServerMoveTool: Tool {
    private let identity: IdentityCache
    private let ownership: OwnershipTransfers

    init(_ services: ToolServices) {
        identity = services.identity
        ownership = services.ownership
    }

    let definition = ToolDefinition(
        name: "server.move", title: "Give servers to another owner",
        description: """
            Gives each server to another owner at once and has its agent take a secret of its own; until the agent has \
            come with it the transfer is pending, and one that fails gives the server back. Tells of each what became \
            of it.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: false),
        access: .user([.serverWrite]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.server_move_input_json),
        outputSchema: SchemaSource(PackageResources.server_move_output_json))

    struct Input: Decodable, Sendable {
        var ids: [Int64]?
        var toUser: Int64?

        private enum CodingKeys: String, CodingKey {
            case ids
            case toUser = "to_user"
        }
    }

    /// The words of the contract.
    enum Status: String, Encodable, Sendable {
        case pending
        case alreadyTransferring = "already_transferring"
        case serverNotFound = "server_not_found"
        case sameOwner = "same_owner"
        case agentTooOld = "agent_too_old"
    }

    struct Item: Encodable, Sendable {
        var serverID: Int64
        var status: Status
        var transferID: Int64?
        var error: String?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case status
            case transferID = "transfer_id"
            case error
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> [Item] {
        guard let target = input.toUser, target != 0 else { throw ToolFailure.rejected("user id is required") }
        guard call.principal.isAdministrator || call.principal.user?.id == target else {
            throw ToolFailure.permissionDenied
        }
        guard try await identity.userMaybeNew(id: target) != nil else {
            throw ToolFailure.rejected("user id \(target) does not exist")
        }
        var items: [Item] = []
        for id in input.ids ?? [] {
            try Task.checkCancellation()
            items.append(await move(id, to: target, in: call))
        }
        return items
    }

    /// One that fails never fails the others.
    private func move(_ id: Int64, to target: Int64, in call: ToolCall) async -> Item {
        let principal = call.principal
        guard let server = try? identity.managed(server: id, by: principal) else {
            return Item(serverID: id, status: .serverNotFound)
        }
        guard server.userID != target else { return Item(serverID: id, status: .sameOwner) }
        do {
            let row = try await call.completing {
                try await ownership.begin(server, to: target, initiator: principal.user?.id ?? 0)
            }
            return Item(serverID: id, status: .pending, transferID: row.id)
        } catch OwnershipTransfers.Refusal.agentTooOld {
            return Item(serverID: id, status: .agentTooOld, error: OwnershipTransfers.tooOld)
        } catch OwnershipTransfers.Refusal.alreadyPending {
            return Item(serverID: id, status: .alreadyTransferring)
        } catch {
            return Item(serverID: id, status: .serverNotFound, error: ToolFailure.database.message)
        }
    }
}
