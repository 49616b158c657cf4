package import AgentLink
package import HTTP
package import MCPServer
package import Monitoring
package import Outbound
package import RESTAdapter
import Settings
import Storage
import Texts
package import TimeZones

extension GatewayModule {
    /// The engines: notifications, tasks and what triggers them.
    /// - Parameters:
    ///   - metrics: keeps histories; `nil` where none are kept.
    ///   - client: reaches channels and web hooks.
    ///   - pings: results of ICMP and TCP monitors that make one of their history.
    ///   - zone: in which schedules run and times are written.
    ///   - blocked: the answer to requests for the host of a rule that is switched off.
    package static func monitoring(
        _ services: ToolServices, events: AgentEvents, metrics: MetricsStore?, client: OutboundClient, pings: Int,
        zone: Zone, blocked: @escaping @Sendable (InboundRequest) -> OutboundResponse
    ) -> GatewayModule {
        let notifier = Notifier(
            storage: services.storage, network: services.network, client: client, settings: services.settings,
            zone: zone, logger: services.logger, now: services.now)
        let tasks = TaskEngine(
            storage: services.storage, roster: services.identity, network: services.network, events: events,
            notifier: notifier, zone: zone, logger: services.logger, now: services.now)
        services.hooks.onNotificationTest { form in
            do throws(NotificationError) {
                try await notifier.test(form)
            } catch {
                throw ToolFailure.rejected(Message(verbatim: error.description))
            }
        }
        services.hooks.onTaskRun { await tasks.run($0) }
        let monitors = MonitorEngine(
            storage: services.storage, roster: services.identity, network: services.network, events: events,
            notifier: notifier, tasks: tasks, metrics: metrics, pings: pings, zone: zone, logger: services.logger,
            now: services.now)
        let traffic = TrafficEngine(
            storage: services.storage, roster: services.identity, zone: zone, logger: services.logger,
            now: services.now)
        events.add(traffic)
        let alerts = AlertEngine(
            storage: services.storage, roster: services.identity, network: services.network, notifier: notifier,
            tasks: tasks, traffic: traffic, settings: services.settings, logger: services.logger, now: services.now)
        let addresses = AddressEngine(
            storage: services.storage, roster: services.identity, network: services.network, events: events,
            notifier: notifier, client: client, settings: services.settings, logger: services.logger,
            now: services.now)
        let settings = services.settings
        let tunnels = TunnelEngine(
            storage: services.storage, roster: services.identity, network: services.network,
            isReserved: { settings.current.reserves(host: $0) }, blocked: blocked, logger: services.logger)
        let views = ServiceViews(monitors: monitors, identity: services.identity)
        return GatewayModule(
            name: "monitoring",
            tools: [
                ServiceOverviewTool(views, alerts), ServiceServersTool(views),
                ServiceHistoryTool(views, metrics, now: services.now),
                ServerServicesTool(views, metrics, now: services.now),
            ],
            routes: serviceRoutes,
            services: [
                BackgroundService("notifications", run: notifier.run), BackgroundService("tasks", run: tasks.run),
                BackgroundService("monitors", run: monitors.run), BackgroundService("traffic", run: traffic.run),
                BackgroundService("alerts", run: alerts.run), BackgroundService("addresses", run: addresses.run),
            ],
            load: {
                try await notifier.load()
                try await tasks.load()
                try await monitors.load()
                try await traffic.load()
                try await alerts.load()
                try await tunnels.load()
            },
            takeOver: tunnels.owner,
            metrics: ModuleMetric.queue(
                "notifications", waiting: { notifier.waiting }, dropped: { notifier.dropped })
                + ModuleMetric.queues { events.queues } + [refusedResults(monitors, tasks)])
    }

    private static func refusedResults(_ monitors: MonitorEngine, _ tasks: TaskEngine) -> ModuleMetric {
        ModuleMetric(
            "nezha_gateway_refused_results_total", "Results of agents that nobody had asked them for.", isCounter: true
        ) {
            [
                ModuleMetric.Sample(Double(monitors.refusedResults), labels: [("engine", "monitors")]),
                ModuleMetric.Sample(Double(tasks.refusedResults), labels: [("engine", "tasks")]),
            ]
        }
    }

    private static let serviceRoutes = [
        Route(.get, "/service", "service.overview"),
        Route(.get, "/service/server", "service.servers", result: .member("servers")),
        Route(
            .get, "/service/{id}/server", "service.servers", renamed: ["id": "service_id"], result: .member("servers")),
        Route(
            .get, "/service/{id}/history", "service.history", query: [QueryParameter("period", .text)],
            renamed: ["id": "service_id"]),
        Route(
            .get, "/server/{id}/service", "server.services", query: [QueryParameter("period", .text)],
            renamed: ["id": "server_id"], result: .member("services")),
    ]
}
