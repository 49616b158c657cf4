import AgentLink
import Foundation
import HTTP
import JSON
import Logging
import Secrets
import Settings
import Storage
import TestSupport

@testable import MCPServer

/// The core of a gateway over a real database in a folder of its own, with agents in memory.
final class TestGateway: Sendable {
    let storage: Storage
    let network = FakeNetwork()
    let settings: MemorySettings
    let core: GatewayCore
    let registry: ToolRegistry
    let log = KeptLog()
    let dataKey = SecretKey(derivedFrom: Array("a master secret of the tests".utf8), context: "data")
    let accounts: AccountService
    let issuer: TokenIssuer
    private let folder: String
    private let handle: SQLiteHandle

    /// - Parameters:
    ///   - extra: tools besides those of the catalogue.
    ///   - forms: those that the database holds.
    ///   - resources: besides those of the catalogue.
    ///   - templates: the front ends that are installed.
    init(
        settings initial: GatewaySettings = .enabled, extra: [any Tool] = [], forms: [any Form.Type] = Forms.all,
        resources: [any Resource] = [], templates: @escaping @Sendable () async throws -> [FrontendTemplate] = { [] }
    ) async throws {
        folder = NSTemporaryDirectory() + "mcp-server-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let quiet = log.logger
        handle = try SQLiteDatabase.open(path: folder + "/sqlite.db", mode: .serve, forms: forms, logger: quiet)
        storage = handle.storage
        let clock = TestClock()
        let now: @Sendable () -> Date = { clock.now }
        self.clock = clock
        settings = MemorySettings(initial)
        core = GatewayCore(
            storage: storage, network: network, settings: settings, sessions: PlainSessions(), dataKey: dataKey,
            version: "9.9.9", templates: templates, now: now, logger: quiet)
        accounts = AccountService(storage: storage, dataKey: dataKey, cost: .minimal, now: now)
        issuer = TokenIssuer(storage: storage, dataKey: dataKey, now: now)
        let services = core.services
        registry = try core.registry(
            of: allTools(services) + extra + resources.flatMap { ResourceTools.of($0, services) },
            contracts: Self.contracts)
        try await identity.refresh()
    }

    private let clock: TestClock
    private static let contracts = ToolContracts()

    var services: ToolServices { core.services }
    var identity: IdentityCache { core.identity }
    var live: LiveWork { core.live }
    var strikes: StrikeBook { core.strikes }
    var audit: AuditLog { core.audit }
    var gate: AccessGate { core.gate }
    var limiter: RateLimiter { services.rateLimiter }
    var transferURLs: TransferURLs { services.transferURLs }

    deinit {
        handle.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var now: Date { clock.now }

    func advance(_ seconds: Double) { clock.advance(seconds) }

    /// Runs the body while audit rows are written and rights are watched.
    static func running(
        settings: GatewaySettings = .enabled, extra: [any Tool] = [], forms: [any Form.Type] = Forms.all,
        resources: [any Resource] = [], _ body: @Sendable (TestGateway) async throws -> Void
    ) async throws {
        let gateway = try await TestGateway(settings: settings, extra: extra, forms: forms, resources: resources)
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

    /// Gives a server to another owner, by a transfer that its agent has confirmed.
    func move(_ server: ServerRecord, to owner: UserRecord) async throws {
        func secret() -> ServerTransferRecord.Secret { .init(hash: SecureRandom.alphanumeric(20), sealed: []) }
        let from = try await storage.servers.server(uuid: server.uuid)?.userID ?? 0
        let id = try await storage.serverTransfers.start(
            ServerTransferRecord(
                serverID: server.id, fromUserID: from, toUserID: owner.id, initiatorID: from, forward: secret(),
                revert: secret(), createdAt: now, updatedAt: now))
        _ = try await storage.serverTransfers.verify(id: id, at: now)
    }

    /// A token of this user's; scopes are stored as given, also such as could not be issued.
    func token(
        of user: UserRecord, _ scopes: [Scope] = [.everything], servers: [Int64] = [], expiresAt: Date? = nil
    ) async throws -> Principal {
        var row = APITokenRecord(
            userID: user.id, name: "ci", tokenHash: dataKey.keyedHash(SecureRandom.alphanumeric(20)),
            scopes: scopes.map(\.rawValue), serverIDs: servers, expiresAt: expiresAt, createdAt: now, updatedAt: now)
        row.id = try await storage.tokens.insert(row, limit: .max) ?? 0
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
    func endpoint(patience: Duration? = nil) -> MCPEndpoint { core.endpoint(registry, patience: patience) }

    func routes() -> MCPRoutes {
        MCPRoutes(endpoint: endpoint(), transfers: core.transfers(registry), settings: settings)
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
        return try await storage.audit.rows(AuditSelection(), limit: 1000)
    }
}

extension Result where Failure == ToolFailure {
    /// The text of the failure; `nil` on success.
    var failureText: String? { failure?.message }
    var outcome: ToolOutcome { failure?.outcome ?? .ok }
}
