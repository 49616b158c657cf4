package import AgentLink
package import Logging
package import Secrets
package import Settings
package import Storage

package import struct FoundationEssentials.Date

/// The core of a gateway, put together once for the program, its tests and its benchmarks: who calls, what may be done,
/// what is done, and the record of it. Whoever makes one brings the surroundings: database, agents, settings, a key.
package struct GatewayCore: Sendable {
    package let services: ToolServices
    package let audit: AuditLog
    package let gate: AccessGate
    /// Knows callers by their Personal Access Tokens.
    package let tokens: TokenAuthenticator

    /// - Parameters:
    ///   - sessions: signs log-ins.
    ///   - dataKey: keys the hashes of tokens and agent secrets, and seals what must be readable again.
    ///   - version: shown to clients.
    ///   - templates: the front ends that are installed.
    ///   - transfers: the limits of files on their way.
    package init(
        storage: Storage, network: any AgentNetwork, settings: any SettingsStore, sessions: any SessionTokens,
        dataKey: SecretKey, version: String,
        templates: @escaping @Sendable () async throws -> [FrontendTemplate] = { [] },
        transfers: TransferConfiguration = .init(),
        now: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        let identity = IdentityCache(storage: storage)
        let strikes = StrikeBook(repository: storage.strikes, logger: logger, now: now)
        let live = LiveWork(identity: identity, settings: settings, now: now)
        var services = ToolServices(
            storage: storage, identity: identity, network: network, settings: settings, live: live, strikes: strikes,
            sessions: sessions, rateLimiter: RateLimiter(), transferURLs: TransferURLs(now: now), dataKey: dataKey,
            version: version, now: now, logger: logger)
        services.installedTemplates = templates
        services.transfers = transfers
        self.services = services
        audit = AuditLog(repository: storage.audit, logger: logger, dataKey: dataKey, now: now)
        gate = AccessGate(identity: identity, settings: settings, network: network)
        tokens = TokenAuthenticator(
            identity: identity, tokens: storage.tokens, key: dataKey, strikes: strikes, now: now)
    }

    package var identity: IdentityCache { services.identity }
    package var live: LiveWork { services.live }
    package var strikes: StrikeBook { services.strikes }

    /// Reads from the database what is kept in memory; before anything is served.
    package func load() async throws {
        try await identity.refresh()
        try await strikes.load()
        try await services.ownership.load()
    }

    /// The one door to these tools.
    /// - Parameter contracts: those that are known already.
    /// - Throws: ``ToolRegistryError`` for a mistake in the list.
    package func registry(of tools: [any Tool], contracts: ToolContracts = ToolContracts()) throws -> ToolRegistry {
        try ToolRegistry(
            tools, contracts: contracts, gate: gate, live: live, audit: audit, logger: services.logger)
    }

    /// `POST /mcp` over these tools.
    /// - Parameter patience: how long an answer may take before it becomes a stream of events.
    package func endpoint(_ registry: ToolRegistry, patience: Duration? = nil) -> MCPEndpoint {
        MCPEndpoint(
            registry: registry, tokens: tokens, settings: services.settings, limiter: services.rateLimiter, live: live,
            audit: audit, version: services.version, patience: patience ?? LateStream.patience, now: services.now)
    }

    /// What answers transfer URLs, by calls of this registry.
    package func transfers(_ registry: ToolRegistry) -> TransferEndpoint {
        TransferEndpoint(
            registry: registry, urls: services.transferURLs, gate: gate, identity: identity,
            tokens: services.storage.tokens, settings: services.settings, audit: audit,
            configuration: services.transfers, now: services.now, logger: services.logger)
    }
}
