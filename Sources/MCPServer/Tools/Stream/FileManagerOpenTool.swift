import AgentLink

/// `file_manager.open`: starts a file manager session on a server; `file_manager.attach` joins a WebSocket to it
/// (`rest-details.md` 5).
struct FileManagerOpenTool: Tool {
    struct Output: Codable, Sendable {
        var sessionID: String

        private enum CodingKeys: String, CodingKey {
            case sessionID = "session_id"
        }
    }

    /// Reading, replacing and removing files are one protocol, so a token needs all three.
    static let scopes: [Scope] = [.serverRead, .serverWrite, .serverDelete]

    private let opening: StreamOpening

    init(_ services: ToolServices) {
        opening = StreamOpening(purpose: .fileManager, network: services.network)
    }

    let definition = ToolDefinition(
        name: "file_manager.open",
        title: "Open a file manager",
        description: """
            Starts a file manager session on a server. Attach to it within a minute with the session id, once and with \
            the same credential; at most 20 streams a user and 40 a server.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: false),
        access: .user(Self.scopes),
        target: .server,
        exposure: .internal,
        inputSchema: SchemaSource(PackageResources.file_manager_open_input_json),
        outputSchema: SchemaSource(PackageResources.file_manager_open_output_json))

    func run(_ input: ServerInput, in call: ToolCall) async throws -> Output {
        Output(sessionID: try await opening.open(server: input.serverID, in: call))
    }
}
