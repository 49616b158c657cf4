import Primitives

/// `waf.delete`: forgive addresses, which are free at once.
struct StrikeDeleteTool: Tool {
    private let strikes: StrikeBook

    init(_ services: ToolServices) {
        strikes = services.strikes
    }

    let definition = ToolDefinition(
        name: "waf.delete", title: "Forgive addresses",
        description: "Forgets all strikes of addresses, which are free from then on. Unknown ones are ignored.",
        annotations: ToolAnnotations(destructive: true, idempotent: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.waf_delete_input_json),
        outputSchema: SchemaSource(PackageResources.waf_delete_output_json))

    struct Input: Decodable, Sendable {
        var ips: [String]
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        // What is no address has no strikes.
        strikes.forget(ips: input.ips.compactMap { IPAddress($0)?.text })
        return NoOutput()
    }
}
