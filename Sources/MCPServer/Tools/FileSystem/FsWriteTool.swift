import AgentLink
import JSON

/// `fs.write`: the whole content of one file (`mcp.md` 4.8).
struct FsWriteTool: Tool {
    private let agents: AgentTasks

    init(_ services: ToolServices) {
        agents = AgentTasks(services.network)
    }

    /// Bytes that fit a task however they are escaped for JSON within reason (`agent-link-details.md` 1).
    static let safeContent = 2_621_440

    let definition = ToolDefinition(
        name: "fs.write", title: "Write a file",
        description: """
            Replaces the whole content of a file on a server, or makes the file, in one step: readers see the old or \
            the new content. There is no append. A file that is replaced keeps its owner and, \
            unless mode is given, its mode; a new one gets 0644. To \
            change a file safely, read it, then write with if_match_sha256 set to the sha256 of the whole file: the \
            write fails with "if_match precondition failed" when it has changed meanwhile. Use encoding base64 for \
            bytes that are no UTF-8 text, and fs.upload_url above about 2.5 MiB. Example: {"server_id": 1, "path": \
            "/etc/motd", "content": "hello\\n", "mode": "0644"}.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
        access: .user([.serverWrite]), target: .agent, exposure: .mcp(toolset: .core),
        deadline: AgentTasks.fileDeadline, reportsProgress: true,
        inputSchema: SchemaSource(PackageResources.fs_write_input_json),
        outputSchema: SchemaSource(PackageResources.fs_write_output_json))

    struct Input: Decodable, Sendable {
        var serverID: Int64
        var path: String
        var content: String
        var encoding: String?
        var mode: String?
        var ifMatchSHA256: String?
        var createDirs: Bool?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case path
            case content
            case encoding
            case mode
            case ifMatchSHA256 = "if_match_sha256"
            case createDirs = "create_dirs"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> FsWriteReply {
        let task = FsWriteTask(
            path: input.path, content: input.content, encoding: input.encoding ?? "", mode: input.mode ?? "",
            // Agents compare it literally with lower-case digits.
            ifMatchSHA256: (input.ifMatchSHA256 ?? "").lowercased(), createDirs: input.createDirs ?? false)
        return try await call.tellingSeconds { try await agents.call(.fsWrite, task, on: input.serverID) }
    }

    func explain(_ violation: SchemaViolation, in arguments: JSONValue) -> String? {
        ArgumentTexts.path(violation) ?? ArgumentTexts.ifMatch(violation)
            ?? ArgumentTexts.encoding(violation, arguments) ?? ArgumentTexts.mode(violation, arguments)
    }
}
