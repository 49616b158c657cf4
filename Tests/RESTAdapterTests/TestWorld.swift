import AgentLink
import Foundation
import HTTP
import JSON
import MCPServer
import RESTAdapter
import Secrets
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

/// A gateway's REST side over a database of its own, without a socket.
final class TestWorld: Sendable {
    static let address = "203.0.113.7"
    static let secretText = "jwt-secret-canary-0123456789abcdefghij"
    static let password = "correct horse battery"

    let folder: String
    let handle: SQLiteHandle
    let storage: Storage
    let clock = TestClock()
    let settings = MemorySettings()
    let core: GatewayCore
    let dataKey: SecretKey
    let secret: SessionSecret
    let sessionTokens: JWTSessionTokens
    let tools: [any Tool]
    let adapter: RESTAdapter
    private let auditing: Task<Void, Never>
    private static let contracts = ToolContracts()

    /// - Parameters:
    ///   - fakes: tools beside the real ones.
    ///   - routes: routes beside the real ones.
    ///   - forms: those that the database holds.
    ///   - resources: resources beside the real ones.
    init(
        fakes: [any Tool] = [], routes: [Route] = [], forms: [any Form.Type] = Forms.all,
        resources: [any Resource] = []
    ) async throws {
        let clock = self.clock
        let now: @Sendable () -> Date = { clock.now }
        folder = FileManager.default.temporaryDirectory.path + "/rest-tests-\(UUID().uuidString)"
        handle = try SQLiteDatabase.open(path: folder + "/sqlite.db", mode: .serve, forms: forms, logger: quiet)
        storage = handle.storage
        dataKey = SecretKey(derivedFrom: Array("data-key".utf8), context: "tests")
        secret = try SessionSecret(Self.secretText)
        sessionTokens = JWTSessionTokens(secret: secret)
        core = GatewayCore(
            storage: storage, network: NoAgents(), settings: settings, sessions: sessionTokens, dataKey: dataKey,
            version: "1.2.3", now: now, logger: quiet)
        auditing = Task { [core] in await core.audit.run() }
        let module = GatewayModule.core(core)
        tools = module.tools
        let authenticator = RESTAuthenticator(
            tokens: core.tokens,
            sessions: SessionAuthenticator(
                tokens: sessionTokens, sessions: storage.sessions, identity: core.identity, strikes: core.strikes,
                now: now))
        let services = core.services
        let own = resources.flatMap { ResourceTools.of($0, services) }
        adapter = try RESTAdapter(
            routes: module.routes + routes,
            registry: core.registry(of: tools + fakes + own, contracts: Self.contracts), gate: core.gate,
            audit: core.audit, authenticator: authenticator, secret: secret, settings: settings)
        for (name, role) in [("admin", UserRecord.Role.administrator), ("member", .member)] {
            _ = try await accounts.createUser(username: name, password: Self.password, role: role)
        }
        try await identity.refresh()
    }

    deinit {
        auditing.cancel()
        handle.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var identity: IdentityCache { core.identity }
    var strikes: StrikeBook { core.strikes }
    var live: LiveWork { core.live }
    var audit: AuditLog { core.audit }

    var accounts: AccountService {
        let clock = self.clock
        return AccountService(storage: storage, dataKey: dataKey, cost: .minimal, now: { clock.now })
    }

    func user(_ name: String) async throws -> UserRecord {
        try #require(try await storage.users.user(named: name))
    }

    /// The secret of a new token.
    func token(
        _ scopes: String..., of name: String = "admin", serverIDs: [Int64] = [], days: Int64 = 0
    ) async throws -> String {
        let clock = self.clock
        let issuer = TokenIssuer(storage: storage, dataKey: dataKey, now: { clock.now })
        let request = TokenIssuer.Request(name: "ci", scopes: scopes, serverIDs: serverIDs, expiresInDays: days)
        let issued = try await issuer.issue(request, for: UserIdentity(try await user(name)))
        try await identity.refresh()
        return issued.secret
    }

    /// A log-in's text, made past the password.
    func session(
        of name: String = "admin", keyID: String = SecureRandom.alphanumeric(32), ip: String = TestWorld.address,
        hours: Double = 1
    ) async throws -> String {
        let user = try await user(name)
        let until = clock.now.addingTimeInterval(hours * 3600)
        _ = try await storage.sessions.insert(
            SessionRecord(
                keyID: keyID, userID: user.id, ip: ip, userAgentHash: "", tokenVersion: user.tokenVersion,
                expiresAt: until, createdAt: clock.now, lastUsedAt: clock.now))
        return sessionTokens.sign(userID: user.id, keyID: keyID, issuedAt: clock.now, expiresAt: until)
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, bearer: String? = nil, _ fields: [String: String] = [:],
        body: String? = nil, ip: String? = TestWorld.address, isSecure: Bool = false
    ) async throws -> Answer {
        try Answer(
            try await respond(method, path, bearer: bearer, fields, body: body, ip: ip, isSecure: isSecure))
    }

    /// The answer as it comes, whatever its body is.
    func respond(
        _ method: HTTPRequest.Method, _ path: String, bearer: String? = nil, _ fields: [String: String] = [:],
        body: String? = nil, ip: String? = TestWorld.address, isSecure: Bool = false
    ) async throws -> OutboundResponse {
        var head = HTTPRequest(method: method, scheme: "http", authority: "gate.test", path: path)
        if let bearer { head.headerFields[.authorization] = "Bearer \(bearer)" }
        for (name, value) in fields { head.headerFields[try #require(HTTPField.Name(name))] = value }
        let chunks = Mutex(body.map { [Array($0.utf8)] } ?? [])
        let request = InboundRequest(
            head: head, id: "r-1", client: ClientAddress(peer: ip, real: ip), isSecure: isSecure,
            body: RequestBody { chunks.withLock { $0.popLast() } })
        return await adapter.handle(request)
    }
}

/// What came back.
struct Answer {
    let status: Int
    let fields: HTTPFields
    let text: String
    let json: JSONValue

    init(_ response: OutboundResponse) throws {
        guard case .bytes(let bytes) = response.body else { throw TestFailure.noBody }
        status = response.head.status.code
        fields = response.head.headerFields
        text = String(decoding: bytes, as: UTF8.self)
        json = try JSONParser.parse(bytes)
    }

    var error: String? { json["error"]?.stringValue }
    var data: JSONValue? { json["data"] }
    var succeeded: Bool { json["success"] == true }
    var cookies: [String] { fields[values: .setCookie] }

    /// The value of a cookie that is set.
    func cookie(_ name: String) -> String? {
        cookies.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1).prefix { $0 != ";" }) }
    }
}

enum TestFailure: Error {
    case noBody
}

/// No server has an agent here.
struct NoAgents: AgentNetwork {
    func link(to id: Int64) async throws(AgentCallError) -> any AgentServerLink { throw .offline }
    func presence(of ids: [Int64]) async -> [Int64: AgentPresence] { [:] }
    func server(ofStream id: String, for claim: AgentStreamClaim) async -> Int64? { nil }
    func attachStream(_ id: String, for claim: AgentStreamClaim) async throws(AgentCallError) -> any AgentStream {
        throw .streamRefused
    }
    func disconnect(server id: Int64, detach: Bool) async {}
}

/// A tool that answers as the test says.
struct FakeTool: Tool {
    let definition: ToolDefinition
    let answer: @Sendable (JSONValue) throws -> JSONValue

    /// - Parameter input: its input schema; every test tool takes the arguments that its route names.
    init(
        _ name: String, access: ToolAccess = .user([.serverRead]), target: ToolTarget = .none,
        input: String = #"{"type":"object","properties":{"id":{},"server_id":{},"ids":{},"list":{},"limit":{}}}"#,
        answer: @escaping @Sendable (JSONValue) throws -> JSONValue = { $0 }
    ) {
        definition = ToolDefinition(
            name: name, title: name, description: name, access: access, target: target, exposure: .internal,
            inputSchema: SchemaSource(Array(input.utf8)), outputSchema: SchemaSource(Array("{}".utf8)))
        self.answer = answer
    }

    func run(_ input: JSONValue, in call: ToolCall) async throws -> JSONValue { try answer(input) }
}
