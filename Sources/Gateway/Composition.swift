import AgentLink
import GatewayServer
import HTTP
import Logging
import MCPServer
import RESTAdapter
import Secrets
import Storage

/// Everything that serves, put together: from the configuration and an open database to the two things that the
/// listener needs, an answer for each HTTP request and a gRPC service.
struct Composition: Sendable {
    static let version = "2.3.0"

    let strikes: StrikeBook
    let audit: AuditLog
    let watcher: RightsWatcher
    let housekeeper: Housekeeper
    let agents: AgentDirectory
    let agentService: AgentLinkService
    let live: LiveWork
    private let tokens: TokenAuthenticator
    private let mcp: MCPRoutes
    private let rest: RESTAdapter

    /// - Parameter spoolDirectory: where downloads wait until they are verified.
    init(
        _ configuration: GatewayConfiguration, settings: any SettingsStore, storage: Storage, spoolDirectory: String,
        logger: Logger
    ) async throws {
        let dataKey = try SecretKey(bytes: Hex.decode(configuration.dataSecretKey) ?? [])
        let sessionSecret = try SessionSecret(configuration.jwtSecretKey)
        let identity = IdentityCache(storage: storage)
        strikes = StrikeBook(repository: storage.strikes, logger: logger)
        audit = AuditLog(repository: storage.audit, logger: logger, dataKey: dataKey)
        live = LiveWork(identity: identity, settings: settings)
        agents = AgentDirectory(logger: logger)
        let sessionTokens = JWTSessionTokens(secret: sessionSecret)
        let services = ToolServices(
            storage: storage, identity: identity, network: agents, settings: settings, live: live, strikes: strikes,
            sessions: sessionTokens, rateLimiter: RateLimiter(), transferURLs: TransferURLs(), dataKey: dataKey,
            version: Self.version, logger: logger)

        let gate = AccessGate(identity: identity, settings: settings, network: agents)
        let registry = try ToolRegistry(
            allTools(services), gate: gate, live: live, audit: audit, identity: identity, logger: logger)
        let tokens = TokenAuthenticator(
            identity: identity, tokens: storage.tokens, key: dataKey, strikes: strikes)
        self.tokens = tokens
        let transfers = TransferEndpoint(
            services: services, audit: audit, configuration: TransferConfiguration(spoolDirectory: spoolDirectory))
        mcp = MCPRoutes(
            endpoint: MCPEndpoint(
                registry: registry, tokens: tokens, settings: settings, limiter: services.rateLimiter, live: live,
                audit: audit, version: Self.version),
            transfers: transfers, settings: settings)
        rest = try RESTAdapter(
            registry: registry, gate: gate, audit: audit,
            authenticator: RESTAuthenticator(
                tokens: tokens,
                sessions: SessionAuthenticator(
                    tokens: sessionTokens, sessions: storage.sessions, identity: identity, strikes: strikes)),
            secret: sessionSecret, settings: settings)
        agentService = AgentLinkService(
            directory: agents,
            authority: AgentAdmission(
                storage: storage, identity: identity, strikes: strikes, settings: settings, dataKey: dataKey,
                globalSecret: configuration.agentSecretKey, logger: logger))
        watcher = RightsWatcher(
            identity: identity, live: live, logger: logger, onChange: { await transfers.purgeRevoked() })
        housekeeper = Housekeeper(
            storage: storage, transferURLs: services.transferURLs, settings: settings, logger: logger)

        try await identity.refresh()
        try await strikes.load()
    }

    /// Ends calls and agent links, when a shutdown begins.
    func endWork() async {
        live.cancel(cause: .shutdown) { _ in true }
        // The agents are told to stop that work; their streams stay open long enough for the word to get through.
        try? await Task.sleep(for: .milliseconds(250))
        agents.shutdown()
    }

    /// Whether a request shows a token that is good now.
    func hasToken(_ request: InboundRequest) async -> Bool {
        await tokens.knows(authorization: request.head.headerFields[.authorization])
    }

    /// The answer to one HTTP request that passed the front door.
    func answer(_ asked: InboundRequest) async -> OutboundResponse {
        let request = asked.withoutTrailingSlash
        if let answer = await mcp.handle(request) { return answer }
        let path = request.path
        if path == "/api" || path.hasPrefix("/api/") { return await rest.handle(request) }
        return .text(.notFound, "404 Not Found")
    }
}

extension InboundRequest {
    /// `/mcp/` and paths below `/api/` with one slash too many mean those without; documents of clients say so, and a
    /// redirect would lose the body of a POST on its way.
    fileprivate var withoutTrailingSlash: InboundRequest {
        let path = path
        guard path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/"),
            path.utf8.starts(with: "/mcp/".utf8) || path.utf8.starts(with: "/api/".utf8), let whole = head.path
        else { return self }
        var request = self
        request.head.path = String(path.dropLast()) + whole[path.endIndex...]
        return request
    }
}
