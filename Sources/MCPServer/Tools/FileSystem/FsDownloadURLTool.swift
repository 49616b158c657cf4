package import JSON

/// `fs.download_url`: makes a one-time URL that sends a file of a server (`mcp.md` 4.10).
package struct FsDownloadURLTool: Tool {
    package struct Input: Codable, Sendable {
        package var serverID: Int64
        package var path: String
        package var ttlSeconds: Int64?

        private enum CodingKeys: String, CodingKey {
            case serverID = "server_id"
            case path
            case ttlSeconds = "ttl_seconds"
        }
    }

    package typealias Output = MintedTransferURL

    private let minting: TransferURLMinting

    package init(_ services: ToolServices) {
        self.init(minting: TransferURLMinting(urls: services.transferURLs, now: services.now))
    }

    init(minting: TransferURLMinting) { self.minting = minting }

    package let definition = ToolDefinition(
        name: "fs.download_url",
        title: "URL to download a file",
        description: """
            Makes a temporary URL from which one file of a server, up to 100 MiB, can be downloaded once with HTTP GET, \
            without further credentials. Use it for files larger than fs.read returns (1 MiB). Rights are checked again \
            when the URL is used.
            """,
        // It hands out a credential, so it is not read-only.
        annotations: ToolAnnotations(readOnly: false, destructive: false, idempotent: false, openWorld: false),
        access: .user([.serverRead]),
        target: .agent,
        exposure: .mcp(toolset: .core),
        inputSchema: SchemaSource(PackageResources.fs_download_url_input_json),
        outputSchema: SchemaSource(PackageResources.fs_download_url_output_json))

    package func run(_ input: Input, in call: ToolCall) async throws -> Output {
        try minting.mint(
            TransferGrant(direction: .download, serverID: input.serverID, path: input.path),
            lifetime: input.ttlSeconds, in: call)
    }

    package func explain(_ violation: SchemaViolation, in arguments: JSONValue) -> String? {
        TransferURLMinting.explain(violation)
    }
}
