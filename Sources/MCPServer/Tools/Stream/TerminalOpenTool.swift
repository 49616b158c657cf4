import AgentLink
import Storage

/// `terminal.open`: starts a shell on a server; `terminal.attach` joins a WebSocket to it (`rest-details.md` 5).
struct TerminalOpenTool: Tool {
    struct Output: Codable, Sendable {
        var sessionID: String
        var serverID: Int64
        var serverName: String

        private enum CodingKeys: String, CodingKey {
            case sessionID = "session_id"
            case serverID = "server_id"
            case serverName = "server_name"
        }
    }

    private let opening: StreamOpening
    private let identity: IdentityCache

    init(_ services: ToolServices) {
        opening = StreamOpening(purpose: .terminal, network: services.network)
        identity = services.identity
    }

    let definition = ToolDefinition(
        name: "terminal.open",
        title: "Open a terminal",
        description: """
            Starts a shell on a server. Attach to it within a minute with the session id, once and with the same \
            credential; at most 20 streams a user and 40 a server.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: true),
        access: .user([.serverExec]),
        target: .server,
        exposure: .internal,
        inputSchema: SchemaSource(PackageResources.terminal_open_input_json),
        outputSchema: SchemaSource(PackageResources.terminal_open_output_json))

    func run(_ input: ServerInput, in call: ToolCall) async throws -> Output {
        let id = try await opening.open(server: input.serverID, in: call)
        let name = identity.server(id: input.serverID)?.name ?? ""
        return Output(sessionID: id, serverID: input.serverID, serverName: name)
    }
}
