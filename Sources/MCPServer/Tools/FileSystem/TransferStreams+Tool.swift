extension TransferStreams {
    init(_ services: ToolServices) {
        self.init(network: services.network, configuration: services.transfers)
    }

    /// The tool that a use of a transfer URL calls: it wants what whoever minted the URL must still hold, and has as long as
    /// a transfer may take.
    func tool(
        _ direction: TransferGrant.Direction, title: String, description: String, annotations: ToolAnnotations,
        inputSchema: SchemaSource, outputSchema: SchemaSource
    ) -> ToolDefinition {
        ToolDefinition(
            name: direction.subject, title: title, description: description, annotations: annotations,
            access: .user([direction.scope]), target: .server, exposure: .internal,
            deadline: configuration.totalTimeout, inputSchema: inputSchema, outputSchema: outputSchema)
    }
}
