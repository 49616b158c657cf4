import AgentLink
import Secrets

/// `fs.upload`: what the use of a URL of `fs.upload_url` does (`mcp.md` 7.6). The body goes to the agent as it comes,
/// hashed on its way; the client is read only as fast as the agent takes it.
struct FsUploadTool: Tool {
    struct Input: Decodable, Sendable {
        var serverID: Int64
        var path: String
        var size: Int
        var sha256: String?
        var mode: String?
        var createDirs: Bool?
        var ifMatchSHA256: String?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case path
            case size
            case sha256
            case mode
            case createDirs = "create_dirs"
            case ifMatchSHA256 = "if_match_sha256"
        }
    }

    struct Output: Encodable, Sendable {
        var size: Int
        /// Lower-case hex, as the agent said.
        var sha256: String
    }

    let definition: ToolDefinition
    private let streams: TransferStreams

    init(_ streams: TransferStreams) {
        self.streams = streams
        definition = streams.tool(
            .upload,
            title: "Upload a file",
            description: """
                Replaces a file of a server, as a whole or not at all, by the body of the request. Says what the agent \
                has stored.
                """,
            annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: false),
            inputSchema: SchemaSource(PackageResources.fs_upload_input_json),
            outputSchema: SchemaSource(PackageResources.fs_upload_output_json))
    }

    func run(_ input: Input, in call: ToolCall) async throws -> Output {
        guard let body = call.body?.request else { throw ToolBody.missing }
        let task = FsTransferTask(
            streamID: "", operation: .upload, path: input.path, size: Int64(input.size), mode: input.mode ?? "",
            createDirs: input.createDirs ?? false, ifMatchSHA256: input.ifMatchSHA256 ?? "",
            expectedSHA256: input.sha256 ?? "")
        let relay = UploadRelay(size: input.size, wanted: input.sha256.flatMap { Hex.decode($0) })
        let receipt = try await streams.run(task, on: input.serverID) {
            try await UploadRun(stream: $0, body: body, relay: relay).run()
        }
        return Output(size: receipt.size, sha256: Hex.encode(receipt.sha256))
    }
}
