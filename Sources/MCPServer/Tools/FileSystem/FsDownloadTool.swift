import AgentLink
import Secrets

/// `fs.download`: what the use of a URL of `fs.download_url` does (`mcp.md` 7.5).
struct FsDownloadTool: Tool {
    struct Input: Decodable, Sendable {
        var serverID: Int64
        var path: String
        /// Only the size is asked for (`HEAD`).
        var head: Bool?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case path
            case head
        }
    }

    struct Output: Encodable, Sendable {
        var size: Int
        /// Lower-case hex.
        var sha256: String?
    }

    let definition: ToolDefinition
    private let streams: TransferStreams

    init(_ streams: TransferStreams) {
        self.streams = streams
        definition = streams.tool(
            .download,
            title: "Download a file",
            description: """
                Fetches a file from a server, verifies it and sends it as the body of the answer; with head, tells its \
                size only.
                """,
            annotations: ToolAnnotations(readOnly: true, destructive: false, idempotent: true, openWorld: false),
            inputSchema: SchemaSource(PackageResources.fs_download_input_json),
            outputSchema: SchemaSource(PackageResources.fs_download_output_json))
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let task = FsTransferTask(streamID: "", operation: .download, path: input.path)
        if input.head ?? false {
            let size = try await streams.run(task, on: input.serverID) { try await DownloadRun(stream: $0).size() }
            return Output(size: size)
        }
        guard let answer = call.body?.answer else { throw ToolBody.missing }
        // The file is fetched and verified first, then sent: so the status can be trusted.
        try await answer.open()
        let (size, sha256) = try await streams.run(task, on: input.serverID) {
            try await DownloadRun(stream: $0).run(into: answer)
        }
        try await answer.send()
        return Output(size: size, sha256: Hex.encode(sha256))
    }
}
