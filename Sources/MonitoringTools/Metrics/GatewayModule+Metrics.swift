import HTTP
package import MCPServer
package import Monitoring
package import RESTAdapter

extension GatewayModule {
    /// The histories of servers.
    /// - Parameter store: `nil` where none are kept.
    package static func metrics(_ store: MetricsStore?, _ services: ToolServices) -> GatewayModule {
        let now = services.now
        if let store {
            services.hooks.onHistory { server, metric, period in
                guard let metric = ServerMetric(exactly: metric), let period = MetricsPeriod(query: period) else {
                    return []
                }
                return try await store.points(of: server, metric, period, now: now())
            }
        }
        return GatewayModule(
            name: "metrics", tools: [MetricsHistoryTool(services, store)],
            routes: [
                Route(
                    .get, "/server/{id}/metrics", "server.metrics_history",
                    query: [QueryParameter("metric", .text), QueryParameter("period", .text)],
                    renamed: ["id": "server_id"])
            ],
            services: store.map { [BackgroundService("metrics", run: $0.run)] } ?? [],
            metrics: store.map(metrics(of:)) ?? [])
    }

    private static func metrics(of store: MetricsStore) -> [ModuleMetric] {
        ModuleMetric.queue("metrics", waiting: { store.queue.waiting }, dropped: { store.queue.dropped }) + [
            ModuleMetric(
                "nezha_gateway_metrics_accepting", "1 while measurements are kept, 0 while the disk is nearly full."
            ) { [ModuleMetric.Sample(store.isAccepting ? 1 : 0)] }
        ]
    }
}
