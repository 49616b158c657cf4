import Storage

/// `maintenance.run`: give disk space back, `POST /maintenance` (`engines.md` 11). Nobody waits for it but its caller.
struct MaintenanceRunTool: Tool {
    private let upkeep: any DatabaseUpkeep

    init(_ services: ToolServices) {
        upkeep = services.storage.upkeep
    }

    let definition = ToolDefinition(
        name: "maintenance.run", title: "Compact the database",
        description: "Gives the space of what was deleted back to the disk. Requests go on meanwhile.",
        annotations: ToolAnnotations(destructive: false, idempotent: true),
        access: .administrator, exposure: .internal, deadline: .seconds(3600),
        inputSchema: SchemaSource(PackageResources.maintenance_run_input_json),
        outputSchema: SchemaSource(PackageResources.maintenance_run_output_json))

    func run(_ input: NoInput, in call: ToolCall) async throws -> NoOutput {
        try await upkeep.compact()
        return NoOutput()
    }
}
