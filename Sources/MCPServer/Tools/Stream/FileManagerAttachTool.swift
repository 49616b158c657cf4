import AgentLink
import HTTP

/// `file_manager.attach`: joins the caller's WebSocket to the session that `file_manager.open` started, until either
/// ends. Messages pass as they are: they are the frames of the file manager protocol (`agent-link.md` 3).
package struct FileManagerAttachTool: Tool {
    /// Twice what the known front end sends at a time; it passes whole, within what an agent accepts (4 MiB).
    static let maxMessageSize = 2 << 20

    private let attachment: StreamAttachment

    package init(_ services: ToolServices) {
        attachment = StreamAttachment(
            purpose: .fileManager, network: services.network, maxMessageSize: Self.maxMessageSize,
            // An empty frame would be a keep-alive.
            frames: { $0.bytes.isEmpty ? [] : [$0.bytes] })
    }

    package let definition = ToolDefinition(
        name: "file_manager.attach",
        title: "Attach to a file manager",
        description: """
            Joins a WebSocket to a session that file_manager.open started. Messages are the binary frames of the file \
            manager protocol, both ways. Ends with the session or the socket.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: false),
        access: .user(FileManagerOpenTool.scopes),
        exposure: .internal,
        deadline: StreamAttachment.deadline,
        inputSchema: SchemaSource(PackageResources.file_manager_attach_input_json),
        outputSchema: SchemaSource(PackageResources.file_manager_attach_output_json))

    package func run(_ input: StreamSessionInput, in call: ToolCall) async throws -> NoOutput {
        try await attachment.run(input, in: call)
        return NoOutput()
    }
}
