import Storage

/// `cron.run`: runs a task now, whatever its schedule (`engines.md` 6).
struct CronRunTool: Tool {
    private let desk: ResourceDesk<CronResource>
    private let hooks: ResourceHooks

    init(_ services: ToolServices) {
        desk = ResourceDesk(CronResource(services), services)
        hooks = services.hooks
    }

    let definition = ToolDefinition(
        name: "cron.run", title: "Run a task now",
        description: "Runs a task of the caller's on all servers that it covers, whatever its schedule.",
        access: .user([.cronExec]), exposure: .internal,
        inputSchema: SchemaSource(PackageResources.cron_run_input_json),
        outputSchema: SchemaSource(PackageResources.cron_run_output_json))

    struct Input: Decodable, Sendable {
        var id: Int64
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        guard let task = try await desk.rows.find(id: input.id) else {
            throw desk.resource.definition.missing(input.id)
        }
        try desk.requireManaged(task, call.principal)
        // One that is triggered by servers has none of its own to run on.
        if task.form.cover != 2 { try await hooks.runTask(task) }
        return NoOutput()
    }
}
