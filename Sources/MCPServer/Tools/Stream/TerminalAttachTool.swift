import AgentLink
import HTTP

/// `terminal.attach`: joins the caller's WebSocket to the shell that `terminal.open` started, until either ends.
///
/// Client → shell: text messages, which are input; binary ones whose first byte is 0 (input) or 1 (resize, JSON
/// `{"Cols":80,"Rows":24}`), as the agent itself has them (`agent-link.md` 3). Shell → client: binary messages, raw output.
package struct TerminalAttachTool: Tool {
    /// A paste of 512 KiB and what the terminal puts around it (`rest-details.md` 5).
    static let maxMessageSize = 512 * 1024 + 64

    private let attachment: StreamAttachment

    package init(_ services: ToolServices) {
        attachment = StreamAttachment(
            purpose: .terminal, network: services.network, maxMessageSize: Self.maxMessageSize, frames: Self.frames(of:)
        )
    }

    package let definition = ToolDefinition(
        name: "terminal.attach",
        title: "Attach to a terminal",
        description: """
            Joins a WebSocket to a shell that terminal.open started. Text messages are input; binary ones begin with \
            byte 0 (input) or 1 (resize, JSON with Cols and Rows). The shell's output comes raw. Ends with the shell or the socket.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: true),
        access: .user([.serverExec]),
        exposure: .internal,
        deadline: StreamAttachment.deadline,
        inputSchema: SchemaSource(PackageResources.terminal_attach_input_json),
        outputSchema: SchemaSource(PackageResources.terminal_attach_output_json))

    package func run(_ input: StreamSessionInput, in call: ToolCall) async throws -> NoOutput {
        try await attachment.run(input, in: call)
        return NoOutput()
    }

    /// Long input in pieces, each with its tag; sizes out of bounds and unknown tags are dropped.
    @Sendable static func frames(of message: WebSocketMessage) -> [[UInt8]] {
        // The official page sends keys and pastes so, and only sizes in binary.
        if case .text = message { return TerminalFrame.inputFrames(message.bytes) }
        return switch TerminalFrame(message.bytes) {
        case .input(let input): TerminalFrame.inputFrames(input)
        case .resize(let size): [TerminalFrame.resize(size).bytes]
        case nil: []
        }
    }
}
