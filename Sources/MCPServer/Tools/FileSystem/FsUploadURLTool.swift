package import JSON

/// `fs.upload_url`: makes a one-time URL that replaces a file of a server (`mcp.md` 4.10).
package struct FsUploadURLTool: Tool {
    package struct Input: Codable, Sendable {
        package var serverID: Int64
        package var path: String
        package var ttlSeconds: Int64?
        package var mode: String?
        package var createDirs: Bool?
        package var ifMatchSHA256: String?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case path
            case ttlSeconds = "ttl_seconds"
            case mode
            case createDirs = "create_dirs"
            case ifMatchSHA256 = "if_match_sha256"
        }
    }

    package typealias Output = MintedTransferURL

    private let minting: TransferURLMinting

    package init(_ services: ToolServices) {
        self.init(minting: TransferURLMinting(urls: services.transferURLs, now: services.now))
    }

    init(minting: TransferURLMinting) { self.minting = minting }

    package let definition = ToolDefinition(
        name: "fs.upload_url",
        title: "URL to upload a file",
        description: """
            Makes a temporary URL to which one file, up to 100 MiB, can be uploaded once with HTTP POST, without further \
            credentials; the body is the file itself and Content-Length is required. Append ?sha256=<64 hex digits> to \
            have the content verified. The file on the server is replaced as a whole or not at all. Rights are checked \
            again when the URL is used.
            """,
        annotations: ToolAnnotations(readOnly: false, destructive: true, idempotent: false, openWorld: false),
        access: .user([.serverWrite]),
        target: .agent,
        exposure: .mcp(toolset: .core),
        firstArguments: ["/if_match_sha256"],
        inputSchema: SchemaSource(PackageResources.fs_upload_url_input_json),
        outputSchema: SchemaSource(PackageResources.fs_upload_url_output_json))

    package func run(_ input: Input, in call: ToolCall) async throws -> Output {
        let match = input.ifMatchSHA256 ?? ""
        guard match.isEmpty || SHA256Text.isValid(match) else {
            throw ToolFailure.invalidArguments(Message(verbatim: SHA256Text.matchRule))
        }
        let grant = TransferGrant(
            direction: .upload, serverID: input.serverID, path: input.path, mode: input.mode ?? "",
            // Agents compare with lower-case digits, literally.
            createDirs: input.createDirs ?? false, ifMatchSHA256: match.lowercased())
        return try minting.mint(grant, lifetime: input.ttlSeconds, in: call)
    }

    package func explain(_ violation: SchemaViolation, in arguments: JSONValue) -> String? {
        switch violation.pointer {
        case "/if_match_sha256" where violation.keyword == "pattern": SHA256Text.matchRule
        case "/mode" where violation.keyword == "pattern": "invalid mode: octal digits such as 0644 expected"
        default: TransferURLMinting.explain(violation)
        }
    }
}
