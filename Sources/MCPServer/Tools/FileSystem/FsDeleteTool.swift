import AgentLink
import JSON

/// `fs.delete`: remove one entry, or a directory with all it holds (`mcp.md` 4.9).
struct FsDeleteTool: Tool {
    private let agents: AgentTasks

    init(_ services: ToolServices) {
        agents = AgentTasks(services.network)
    }

    let definition = ToolDefinition(
        name: "fs.delete", title: "Delete a file or directory",
        description: """
            Removes a file, a symbolic link (not what it points to) or an empty directory on a server; with recursive \
            also a directory with all it holds. This cannot be undone. The root of the file system is refused. \
            deleted_count counts the entries removed; a missing path is an error, or with recursive a count of 0. \
            Example: {"server_id": 1, "path": "/tmp/build", "recursive": true}.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: true, openWorld: false),
        access: .user([.serverDelete]), target: .agent, exposure: .mcp(toolset: .core),
        deadline: AgentTasks.fileDeadline, reportsProgress: true,
        inputSchema: SchemaSource(PackageResources.fs_delete_input_json),
        outputSchema: SchemaSource(PackageResources.fs_delete_output_json))

    struct Input: Decodable, Sendable {
        var serverID: Int64
        var path: String
        var recursive: Bool?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case path
            case recursive
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> FsDeleteReply {
        let task = FsDeleteTask(path: input.path, recursive: input.recursive ?? false)
        return try await call.tellingSeconds { try await agents.call(.fsDelete, task, on: input.serverID) }
    }

    func explain(_ violation: SchemaViolation, in arguments: JSONValue) -> String? {
        ArgumentTexts.path(violation)
    }
}
