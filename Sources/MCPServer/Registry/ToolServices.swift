public import AgentLink
public import Logging
public import Secrets
public import Storage

public import struct Foundation.Date

/// What tools work with. Made once at start; each tool keeps what it needs of it.
public struct ToolServices: Sendable {
    public var storage: Storage
    public var identity: IdentityCache
    public var network: any AgentNetwork
    public var settings: any SettingsStore
    public var live: LiveWork
    public var strikes: StrikeBook
    public var sessions: any SessionTokens
    public var rateLimiter: RateLimiter
    public var transferURLs: TransferURLs
    /// Keys the hashes of tokens and agent secrets, and seals what must be readable again.
    public var dataKey: SecretKey
    /// Such as `2.3.0`; shown to clients.
    public var version: String
    public var now: @Sendable () -> Date
    public var logger: Logger

    public init(
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
        self.dataKey = dataKey
        self.version = version
        self.now = now
        self.logger = logger
    }
}

/// Makes and reads the signed text that stands for a log-in (`rest.md` 2). The REST adapter implements it as a JWT; the
/// core knows only the row that the text names.
public protocol SessionTokens: Sendable {
    /// - Returns: the signed text.
    func sign(userID: Int64, keyID: String, issuedAt: Date, expiresAt: Date) async throws -> String
}
