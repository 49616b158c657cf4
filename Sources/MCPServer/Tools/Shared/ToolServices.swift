package import AgentLink
package import Logging
package import Secrets
package import Settings
package import Storage

package import struct FoundationEssentials.Date

/// What tools work with. Made once at start; each tool keeps what it needs of it.
package struct ToolServices: Sendable {
    package var storage: Storage
    package var identity: IdentityCache
    package var network: any AgentNetwork
    package var settings: any SettingsStore
    package var live: LiveWork
    package var strikes: StrikeBook
    package var sessions: any SessionTokens
    package var rateLimiter: RateLimiter
    package var transferURLs: TransferURLs
    package var ownership: OwnershipTransfers
    package var watchers: WatcherRegistry
    package var liveServers: LiveServers
    /// Keys the hashes of tokens and agent secrets, and seals what must be readable again.
    package var dataKey: SecretKey
    /// Such as `2.3.0`; shown to clients.
    package var version: String
    /// The limits of files on their way.
    package var transfers = TransferConfiguration()
    /// What rules of resources ask of the engines.
    package var hooks = ResourceHooks()
    /// The front ends that somebody has installed. Throws ``ToolFailure``.
    package var installedTemplates: @Sendable () async throws -> [FrontendTemplate] = { [] }
    package var now: @Sendable () -> Date
    package var logger: Logger

    var accounts: AccountService { AccountService(storage: storage, dataKey: dataKey, now: now) }
    var issuer: TokenIssuer { TokenIssuer(storage: storage, dataKey: dataKey, now: now) }

    package init(
        storage: Storage, identity: IdentityCache, network: any AgentNetwork, settings: any SettingsStore,
        live: LiveWork, strikes: StrikeBook, sessions: any SessionTokens, rateLimiter: RateLimiter,
        transferURLs: TransferURLs, dataKey: SecretKey, version: String,
        now: @escaping @Sendable () -> Date = { Date() }, logger: Logger
    ) {
        self.storage = storage
        self.identity = identity
        self.network = network
        self.settings = settings
        self.live = live
        self.strikes = strikes
        self.sessions = sessions
        self.rateLimiter = rateLimiter
        self.transferURLs = transferURLs
        watchers = WatcherRegistry()
        liveServers = LiveServers(identity: identity, network: network, now: now)
        ownership = OwnershipTransfers(
            storage: storage, identity: identity, network: network, dataKey: dataKey, logger: logger, now: now)
        self.dataKey = dataKey
        self.version = version
        self.now = now
        self.logger = logger
    }
}

/// Makes and reads the signed text that stands for a log-in (`rest.md` 2). The REST adapter implements it as a JWT; the
/// core knows only the row that the text names.
package protocol SessionTokens: Sendable {
    /// - Returns: the signed text.
    func sign(userID: Int64, keyID: String, issuedAt: Date, expiresAt: Date) async throws -> String
}
