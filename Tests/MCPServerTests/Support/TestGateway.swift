import AgentLink
import Foundation
import HTTP
import Logging
import Secrets
import Storage
import Synchronization

@testable import MCPServer

/// The core of a gateway over a real database in a folder of its own, with agents in memory.
final class TestGateway: Sendable {
    let storage: Storage
    let identity: IdentityCache
    let network = FakeNetwork()
    let settings: MemorySettings
    let live: LiveWork
    let strikes: StrikeBook
    let audit: AuditLog
    let limiter = RateLimiter()
    let transferURLs: TransferURLs
    let services: ToolServices
    let registry: ToolRegistry
    let gate: AccessGate
    let log = TestLog()
    let dataKey = SecretKey(derivedFrom: Array("a master secret of the tests".utf8), context: "data")
    let accounts: AccountService
    let issuer: TokenIssuer
    private let folder: String
    private let handle: SQLiteHandle

    /// - Parameter extra: tools besides those of the catalogue.
    init(settings initial: GatewaySettings = .enabled, extra: [any Tool] = []) async throws {
        folder = NSTemporaryDirectory() + "mcp-server-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let quiet = log.logger
        handle = try SQLiteDatabase.open(path: folder + "/sqlite.db", mode: .serve, logger: quiet)
        storage = handle.storage
        let clock = TestClockBox(Date(timeIntervalSince1970: 1_800_000_000))
        let now: @Sendable () -> Date = { clock.date }
        clockBox = clock
        settings = MemorySettings(initial)
        identity = IdentityCache(storage: storage)
        live = LiveWork(identity: identity, settings: settings, now: now)
        strikes = StrikeBook(repository: storage.strikes, logger: quiet, now: now)
        audit = AuditLog(repository: storage.audit, logger: quiet, dataKey: dataKey, now: now)
        transferURLs = TransferURLs(now: now)
        accounts = AccountService(storage: storage, dataKey: dataKey, cost: .minimal, now: now)
        issuer = TokenIssuer(storage: storage, dataKey: dataKey, now: now)
        services = ToolServices(
            storage: storage, identity: identity, network: network, settings: settings, live: live, strikes: strikes,
            sessions: PlainSessions(), rateLimiter: limiter, transferURLs: transferURLs, dataKey: dataKey,
            version: "9.9.9", now: now, logger: quiet)
        gate = AccessGate(identity: identity, settings: settings, network: network)
        registry = try ToolRegistry(
            allTools(services) + extra, gate: gate, live: live, audit: audit, identity: identity, logger: quiet)
        try await identity.refresh()
    }

    private let clockBox: TestClockBox

    deinit {
        handle.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var now: Date { clockBox.date }

    func advance(_ seconds: Double) { clockBox.advance(seconds) }

    /// Runs the body while audit rows are written and rights are watched.
    static func running(
        settings: GatewaySettings = .enabled, extra: [any Tool] = [],
        _ body: @Sendable (TestGateway) async throws -> Void
    ) async throws {
        let gateway = try await TestGateway(settings: settings, extra: extra)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await gateway.audit.run() }
            group.addTask {
                await RightsWatcher(identity: gateway.identity, live: gateway.live, logger: gateway.log.logger).run()
            }
            try await body(gateway)
            group.cancelAll()
        }
    }
}

/// A clock that goes only when told to.
final class TestClockBox: Sendable {
    private let moment: Mutex<Date>

    init(_ date: Date) { moment = Mutex(date) }

    var date: Date { moment.withLock { $0 } }

    func advance(_ seconds: Double) { moment.withLock { $0 += seconds } }
}

/// Signs by naming the session.
struct PlainSessions: SessionTokens {
    func sign(userID: Int64, keyID: String, issuedAt: Date, expiresAt: Date) async throws -> String {
        "signed.\(userID).\(keyID)"
    }
}

extension GatewaySettings {
    static var enabled: GatewaySettings {
        var settings = GatewaySettings()
        settings.enableMCP = true
        return settings
    }
}

// MARK: - People, servers, tokens

extension TestGateway {
    func user(
        _ name: String, role: UserRecord.Role = .member, password: String = "correct horse"
    ) async throws -> UserRecord {
        let user = try await accounts.createUser(username: name, password: password, role: role)
        try await identity.refresh()
        return user
    }

    @discardableResult
    func server(of owner: Int64, name: String = "web", index: Int64 = 0) async throws -> ServerRecord {
        var server = ServerRecord(
            userID: owner, uuid: SecureRandom.uuid(), name: name, displayIndex: index, createdAt: now, updatedAt: now)
        server.id = try await storage.servers.insert(server)
        try await identity.refresh()
        return server
    }

    /// A token of this user's; scopes are stored as given, also such as could not be issued.
    func token(
        of user: UserRecord, _ scopes: [Scope] = [.everything], servers: [Int64] = [], expiresAt: Date? = nil
    ) async throws -> Principal {
        var row = APITokenRecord(
            userID: user.id, name: "ci", tokenHash: dataKey.keyedHash(SecureRandom.alphanumeric(20)),
            scopes: scopes.map(\.rawValue), serverIDs: servers, expiresAt: expiresAt, createdAt: now, updatedAt: now)
        row.id = try await storage.tokens.insert(row)
        try await identity.refresh()
        return Principal(
            user: UserIdentity(user), credential: .token(TokenIdentity(row)), revision: identity.revision)
    }

    func session(of user: UserRecord, ip: String = "") async throws -> Principal {
        let key = SecureRandom.alphanumeric(32)
        _ = try await storage.sessions.insert(
            SessionRecord(
                keyID: key, userID: user.id, ip: ip, userAgentHash: "", tokenVersion: user.tokenVersion,
                expiresAt: now.addingTimeInterval(3600), createdAt: now, lastUsedAt: now))
        return Principal(
            user: UserIdentity(user), credential: .session(SessionIdentity(keyID: key)), revision: identity.revision)
    }
}

// MARK: - HTTP

extension TestGateway {
    func endpoint(patience: Duration = LateStream.patience) -> MCPEndpoint {
        MCPEndpoint(
            registry: registry,
            tokens: TokenAuthenticator(
                identity: identity, tokens: storage.tokens, key: dataKey, strikes: strikes, now: services.now),
            settings: settings, limiter: limiter, live: live, audit: audit, version: "9.9.9",
            patience: patience, now: services.now)
    }

    func routes() -> MCPRoutes {
        MCPRoutes(
            endpoint: endpoint(), transfers: TransferEndpoint(services: services, audit: audit), settings: settings)
    }
}

// MARK: - Calls

extension TestGateway {
    static let address = "203.0.113.9"

    func call(
        _ tool: String, _ arguments: JSONValue = [:], as principal: Principal, origin: ToolCall.Origin = .mcp,
        ip: String? = TestGateway.address
    ) async -> Result<JSONValue, ToolFailure> {
        await registry.invoke(
            tool, arguments: arguments,
            call: ToolCall(
                principal: principal, origin: origin, requestID: "r-1", client: ClientAddress(peer: ip, real: ip),
                userAgent: "tests", baseURL: "http://gateway.test"))
    }

    /// Written rows, newest first. Only while running.
    func auditRows() async throws -> [AuditRecord] {
        await audit.flush()
        return try await storage.audit.rows(userID: nil, before: nil, limit: 1000)
    }
}

extension Result where Failure == ToolFailure {
    /// The text of the failure; `nil` on success.
    var failureText: String? { failure?.message }
    var outcome: ToolOutcome { failure?.outcome ?? .ok }
}

/// Waits until something holds, at most two seconds.
func eventually(_ condition: @Sendable () async throws -> Bool) async throws -> Bool {
    for _ in 0..<2000 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return false
}
