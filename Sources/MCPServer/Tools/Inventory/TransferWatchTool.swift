import HTTP
import JSON
import Storage

import struct FoundationEssentials.Date

/// `transfer.watch`: tells of each hand-over that begins or is settled, `GET /ws/transfer` (`transfer.md` 8). Nothing at
/// first, nothing twice: what was before is in the list.
struct TransferWatchTool: Tool {
    private let identity: IdentityCache
    private let feed: OwnershipFeed
    private let now: @Sendable () -> Date

    init(_ services: ToolServices) {
        identity = services.identity
        feed = services.ownership.feed
        now = services.now
    }

    let definition = ToolDefinition(
        name: "transfer.watch", title: "Watch transfers of servers",
        description: "A WebSocket that gets each transfer which begins or is settled, as far as the caller may see it.",
        annotations: ToolAnnotations(readOnly: true, openWorld: false),
        access: .user([.transferRead]), exposure: .internal, deadline: SocketWatch.deadline,
        inputSchema: SchemaSource(PackageResources.transfer_watch_input_json),
        outputSchema: SchemaSource(PackageResources.transfer_watch_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> NoOutput {
        guard let socket = call.socket else { throw ToolSocket.missing }
        // Before the handshake is answered: what begins right after it is not missed.
        let changes = feed.changes()
        let connection = try await socket.accept(SocketWatch.terms)
        try await SocketWatch.run(connection) {
            for await row in changes {
                // The role may be another one since.
                guard let principal = try await identity.reload(call.principal, now: now()) else {
                    throw ToolFailure.cancelled(.rightsLost)
                }
                guard row.isShown(to: principal) else { continue }
                let text = try JSONValueEncoder().encode(ServerTransferItem(row)).text
                try await connection.send(.text(text))
            }
        }
        return NoOutput()
    }
}
