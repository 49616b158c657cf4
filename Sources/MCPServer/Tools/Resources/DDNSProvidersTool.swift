/// `ddns.providers`: who can be asked to publish addresses.
struct DDNSProvidersTool: Tool {
    let definition = ToolDefinition(
        name: "ddns.providers", title: "List DDNS providers",
        description: "Lists the providers that a DDNS profile may name.", annotations: ToolAnnotations(readOnly: true),
        access: .user([Scope("nezha:ddns:read")]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.ddns_providers_input_json),
        outputSchema: SchemaSource(PackageResources.ddns_providers_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> [String] { DDNSResource.providers }
}
