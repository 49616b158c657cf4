import AgentLink
import FrontEnds
import GatewayServer
import GeoIP
import HTTP
import Logging
import MCPServer
import Monitoring
import MonitoringTools
import OAuth2
import Outbound
import RESTAdapter
import Settings
import Storage
import TimeZones

import struct FoundationEssentials.Date

/// Everything that serves, put together: from the configuration and an open database to the two things that the
/// listener needs, an answer for each HTTP request and a gRPC service.
struct Composition: Sendable {
    static let version = "2.3.0"

    private let agents: AgentDirectory
    let agentService: AgentLinkService
    /// What runs in the background, in the order in which it starts.
    let services: [BackgroundService]
    private let core: GatewayCore
    private let modules: [GatewayModule]
    private let mcp: MCPRoutes
    private let rest: RESTAdapter
    private let pages: FrontEndPages
    /// Only where `debug` is set, which no call changes.
    private let documents: DocumentsEndpoint?
    private let registry: ToolRegistry
    private let watcher: RightsWatcher
    /// `/metrics`.
    let metrics: MetricsEndpoint

    /// - Parameters:
    ///   - dataDirectory: where downloads wait until they are verified, and metrics are kept.
    ///   - zone: in which schedules run and times are written.
    init(
        _ configuration: GatewayConfiguration, settings: any SettingsStore, storage: Storage, dataDirectory: String,
        zone: Zone, logger: Logger
    ) async throws {
        let dataKey = try configuration.dataKey
        let sessionSecret = try SessionSecret(configuration.jwtSecretKey)
        let sessionTokens = JWTSessionTokens(secret: sessionSecret)
        let events = AgentEvents()
        agents = AgentDirectory(events: events, results: events, logger: logger)
        // Whoever runs the gateway chose that server, which is mostly on the same machine.
        let outbound = OutboundClient(guard: .everywhere)
        let history = try MetricsStore.open(
            settings.current.metrics, dataDirectory: dataDirectory, client: outbound, logger: logger)
        let storage = history.map { storage.tending($0) } ?? storage
        let pages = FrontEndPages(templates: TemplateStore(dataDirectory: dataDirectory), settings: settings)
        self.pages = pages
        let core = GatewayCore(
            storage: storage, network: agents, settings: settings, sessions: sessionTokens, dataKey: dataKey,
            version: Self.version,
            templates: {
                // Names of more than a person looks through would only fill the answer.
                guard let installed = try await pages.installed()?.prefix(256) else {
                    throw ToolFailure.busy(retryAfterSeconds: 1)
                }
                return installed.map { FrontendTemplate(installed: $0.name.description, isAdmin: $0.isAdmin) }
            }, transfers: TransferConfiguration(spoolDirectory: dataDirectory), logger: logger)
        self.core = core
        let (identity, strikes) = (core.identity, core.strikes)
        events.add(core.services.ownership)
        if let history { events.add(history) }

        let engines = OutboundClient(
            guard: AddressGuard(allowing: configuration.notificationAllowPrivate.compactMap { IPNetwork($0) }))
        modules = [
            .core(core), .oauth2(configuration.oauth2, outbound, core.services), .metrics(history, core.services),
            .monitoring(
                core.services, events: events, metrics: history, client: engines, pings: configuration.avgPingCount,
                zone: zone, blocked: { BlockPage.response(to: $0, PathTable.rule(of: $0.path), seconds: 0) }),
        ]

        registry = try core.registry(of: modules.flatMap(\.tools))
        let transfers = core.transfers(registry)
        mcp = MCPRoutes(endpoint: core.endpoint(registry), transfers: transfers, settings: settings)
        rest = try RESTAdapter(
            routes: modules.flatMap(\.routes), registry: registry, gate: core.gate, audit: core.audit,
            authenticator: RESTAuthenticator(
                tokens: core.tokens,
                sessions: SessionAuthenticator(
                    tokens: sessionTokens, sessions: storage.sessions, identity: identity, strikes: strikes),
                onEnd: { [live = core.live] session in
                    live.cancel(cause: .rightsLost) { $0.principal.session == session }
                }),
            secret: sessionSecret, settings: settings)
        documents =
            settings.current.debug
            ? DocumentsEndpoint(try OpenAPIDocument(rest.routes, version: Self.version), settings: settings) : nil
        let countries =
            configuration.geoIPDatabase.isEmpty
            ? nil : CountryBook(path: configuration.geoIPDatabase, logger: logger)
        agentService = AgentLinkService(
            directory: agents,
            authority: AgentAdmission(
                storage: storage, identity: identity, strikes: strikes, settings: settings, dataKey: dataKey,
                globalSecret: configuration.agentSecretKey, ownership: core.services.ownership, logger: logger),
            countries: countries ?? NoCountryLookup())
        metrics = MetricsEndpoint(
            GatewayMetrics(registry: registry, core: core, agents: agents, modules: modules.flatMap(\.metrics)),
            core: core)
        watcher = RightsWatcher(
            identity: identity, live: core.live, logger: logger,
            onChange: {
                await transfers.purgeRevoked()
                await core.services.ownership.reconcile()
            })
        let housekeeper = Housekeeper(
            storage: storage, transferURLs: core.services.transferURLs, settings: settings, logger: logger,
            localTime: { date in
                let second = Int64(date.timeIntervalSince1970)
                return Housekeeper.LocalHour(date, offset: zone.setting(at: second).offset)
            })
        services =
            [
                BackgroundService("audit", run: core.audit.run), BackgroundService("strikes", run: strikes.run),
                BackgroundService("housekeeper", run: housekeeper.run), BackgroundService("watcher", run: watcher.run),
                BackgroundService("ownership", run: core.services.ownership.run),
            ] + modules.flatMap(\.services)
            + (countries.map { [BackgroundService("countries", run: $0.run)] } ?? [])

        await countries?.load()
        for module in modules { try await module.load() }
    }

    /// What can be called below `/api/v1`.
    var openAPI: OpenAPIDocument {
        get throws { try OpenAPIDocument(rest.routes, version: Self.version) }
    }

    /// Who may call what.
    var scopes: ScopeDocument { ScopeDocument(rest.routes, tools: registry.definitions) }

    /// Whether the gateway can do its work.
    func isReady() -> Bool { watcher.isHealthy }

    /// Why an address is blocked, if it is.
    func block(ip: String?) -> StrikeBook.Block? { core.strikes.block(ip: ip) }

    /// Ends calls and agent links, when a shutdown begins.
    func endWork() async {
        let isAtWork = core.live.count > 0
        core.live.cancel(cause: .shutdown) { _ in true }
        // The agents are told to stop that work; their streams stay open long enough for the word to get through.
        if isAtWork { try? await Task.sleep(for: .milliseconds(250)) }
        agents.shutdown()
    }

    /// Whether a request shows a token that is good now.
    func hasToken(_ request: InboundRequest) async -> Bool {
        await core.tokens.knows(authorization: request.head.headerFields[.authorization])
    }

    /// Carry requests for hosts that are not the gateway's own.
    var takers: [TakenHosts.Taker] { modules.compactMap(\.takeOver) }

    /// Answers each HTTP request that passed the front door.
    var router: PathRouter {
        PathRouter(ask: answer)
    }

    /// - Returns: `nil` where nobody answers.
    private func answer(_ owner: PathRule.Owner, _ request: InboundRequest) async -> OutboundResponse? {
        switch owner {
        case .mcp: return await mcp.handle(request)
        case .rest: return await rest.handle(request)
        case .metrics: return await metrics.handle(request)
        case .documents:
            // What is not there looks like any other page that is not.
            if let answer = await documents?.handle(request) { return answer }
            return await pages.answerUser(request)
        case .adminPages: return await pages.answerAdmin(request)
        case .userPages: return await pages.answerUser(request)
        case .health: return nil
        }
    }
}

extension CountryBook: CountryLookup {}
