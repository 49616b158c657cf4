import Storage

import struct FoundationEssentials.Date

/// `waf.list`: the addresses that failed, newest strike first (`rest.md` 4, WAF).
struct StrikeListTool: Tool {
    private let strikes: StrikeBook

    init(_ services: ToolServices) {
        strikes = services.strikes
    }

    let definition = ToolDefinition(
        name: "waf.list", title: "List strikes",
        description: "Lists which address failed how often, at what, and when last. What is listed may be blocked.",
        annotations: ToolAnnotations(readOnly: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.waf_list_input_json),
        outputSchema: SchemaSource(PackageResources.waf_list_output_json))

    struct Item: Encodable, Sendable {
        var ip: String
        var identifier: Int64
        var reason: Int
        /// Unix seconds.
        var timestamp: Int64
        var count: Int64

        private enum CodingKeys: String, CodingKey {
            case ip
            case identifier = "block_identifier"
            case reason = "block_reason"
            case timestamp = "block_timestamp"
            case count
        }
    }

    func run(_ input: PageInput, in call: ToolCall) async throws -> Page<Item> {
        input.page(of: strikes.newestFirst) { row in
            Item(
                ip: row.ip, identifier: row.identifier, reason: row.reason.rawValue,
                timestamp: Int64(row.lastAt.timeIntervalSince1970), count: row.count)
        }
    }
}
