package import HTTP
package import MCPServer
import Storage

/// A part of the gateway that brings all of its own with it: what can be called, what is asked for by path, and what runs
/// in the background. The program lists its modules in one place and knows nothing else of them.
///
/// ```swift
/// GatewayModule(
///     name: "notes", tools: [NoteSearchTool(services)], resources: ResourceTools.of(NoteResource(), services),
///     routes: [Route(.get, "/note/search", "note.search")] + Route.resource("/note", "note"),
///     services: [BackgroundService("notes", run: { await indexer.run() })])
/// ```
package struct GatewayModule: Sendable {
    package var name: String
    package var tools: [any Tool]
    package var routes: [Route]
    package var services: [BackgroundService]
    /// Reads from the database what is kept in memory; before anything is served.
    package var load: @Sendable () async throws -> Void
    /// Who answers a request before any route is looked at, such as one for a host of its own; `nil` for one that is not
    /// the module's. Asked for every request.
    package var takeOver: (@Sendable (InboundRequest) -> HTTPEntry?)?
    /// What it tells of itself at `GET /metrics`.
    package var metrics: [ModuleMetric]

    /// - Parameter resources: the tools of stored resources (`ResourceTools`).
    package init(
        name: String, tools: [any Tool] = [], resources: [any Tool] = [], routes: [Route] = [],
        services: [BackgroundService] = [], load: @escaping @Sendable () async throws -> Void = {},
        takeOver: (@Sendable (InboundRequest) -> HTTPEntry?)? = nil, metrics: [ModuleMetric] = []
    ) {
        self.name = name
        self.tools = tools + resources
        self.routes = routes
        self.services = services
        self.load = load
        self.takeOver = takeOver
        self.metrics = metrics
    }

    /// Everything that a gateway has without an engine.
    package static func core(_ core: GatewayCore) -> GatewayModule {
        let (audit, upkeep) = (core.audit, core.services.storage.upkeep)
        let files = ModuleMetric("nezha_gateway_file_bytes", "Size of a file in which data is kept, with its log.") {
            await upkeep.files().map { ModuleMetric.Sample(Double($0.bytes), labels: [("file", $0.name)]) }
        }
        return GatewayModule(
            name: "core", tools: allTools(core.services), routes: Route.all, load: core.load,
            metrics: ModuleMetric.queue("audit", waiting: { audit.waitingRows }, dropped: { audit.droppedRows })
                + [files])
    }
}

/// Work that goes on for as long as the program serves.
package struct BackgroundService: Sendable {
    /// For the log.
    package var name: String
    /// Works until its task is cancelled.
    package var run: @Sendable () async -> Void

    package init(_ name: String, run: @escaping @Sendable () async -> Void) {
        self.name = name
        self.run = run
    }
}
