import Primitives

/// `online_user.block`: shut addresses out until somebody forgives them, and end what they watch.
struct OnlineUserBlockTool: Tool {
    private let strikes: StrikeBook
    private let watchers: WatcherRegistry

    init(_ services: ToolServices) {
        strikes = services.strikes
        watchers = services.watchers
    }

    let definition = ToolDefinition(
        name: "online_user.block", title: "Block addresses",
        description: "Blocks addresses until they are forgiven, and closes their live views.",
        annotations: ToolAnnotations(destructive: true, idempotent: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.online_user_block_input_json),
        outputSchema: SchemaSource(PackageResources.online_user_block_output_json))

    struct Input: Decodable, Sendable {
        var ips: [String]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        // All are read before any is blocked.
        let addresses = try input.ips.map { text throws(ToolFailure) in
            guard let address = IPAddress(text) else { throw .rejected("\(text.cut(toBytes: 64)) is no address") }
            return address.text
        }
        for address in addresses { strikes.blockByHand(ip: address) }
        watchers.close(addresses: Set(addresses))
        return NoOutput()
    }
}
