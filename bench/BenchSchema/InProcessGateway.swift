import AgentLink
import Foundation
import HTTP
import JSON
import Logging
import MCPServer
import Secrets
import Settings
import Storage

/// `POST /mcp` without a socket, over a real database: every tool has its own schemas, and instead of doing its work
/// answers what it is given here.
final class InProcessGateway: Sendable {
    let definitions: [ToolDefinition]
    private let endpoint: MCPEndpoint
    private let audit: AuditLog
    private let handle: SQLiteHandle
    private let folder: String
    private let secret: String
    private let principal: Principal

    /// - Parameter answer: what a tool of this definition answers.
    init(answer: @Sendable (ToolDefinition) throws -> JSONValue) async throws {
        folder = NSTemporaryDirectory() + "nezha-bench-schema-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var logger = Logger(label: "bench-schema")
        logger.logLevel = .error
        handle = try SQLiteDatabase.open(path: folder + "/sqlite.db", mode: .serve, logger: logger)
        let storage = handle.storage
        let key = SecretKey(derivedFrom: Array("bench".utf8), context: "data")
        let core = GatewayCore(
            storage: storage, network: AgentDirectory(logger: logger), settings: BenchSettings(),
            sessions: NoSessions(), dataKey: key, version: "bench", logger: logger)
        audit = core.audit
        let tools = try allTools(core.services).map { try CannedTool($0.definition, answer: answer($0.definition)) }
        definitions = tools.map(\.definition)
        endpoint = core.endpoint(try core.registry(of: tools))
        let accounts = AccountService(storage: storage, dataKey: key)
        guard let admin = try await accounts.createFirstAdministrator(.random)?.user else { throw NoAdministrator() }
        let issued = try await TokenIssuer(storage: storage, dataKey: key).issue(
            .init(name: "bench", scopes: ["nezha:*"]), for: UserIdentity(admin))
        secret = issued.secret
        principal = Principal(user: UserIdentity(admin), credential: .token(TokenIdentity(issued.token)))
        try await core.load()
    }

    /// Runs `body` while audit rows are written; returns when all of them are.
    func serving<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        let writer = Task { await audit.run() }
        defer {
            writer.cancel()
            handle.close()
            try? FileManager.default.removeItem(atPath: folder)
        }
        let value = try await body()
        await audit.flush()
        return value
    }

    /// One `tools/call`, from the bytes of the request to the bytes of the answer.
    func call(_ body: [UInt8]) async throws -> [UInt8] {
        let unread = Unread(body)
        let request = InboundRequest(
            head: HTTPRequest(
                method: .post, scheme: "http", authority: "localhost", path: "/mcp",
                headerFields: [
                    .authorization: "Bearer \(secret)", .contentType: "application/json",
                    .accept: "application/json, text/event-stream", .contentLength: String(body.count),
                ]),
            id: "0123456789abcdef", client: ClientAddress(peer: "127.0.0.1", real: nil), isSecure: false,
            body: RequestBody { unread.take() })
        guard case .bytes(let bytes) = await endpoint.handle(request).body else { throw NoAnswer() }
        return bytes
    }

    /// Leaves the audit row of a call of `meta.whoami`.
    func noteCall() {
        let call = ToolCall(
            principal: principal, origin: .mcp, requestID: "0123456789abcdef",
            client: ClientAddress(peer: "127.0.0.1", real: nil))
        audit.record(
            AuditEntry(tool: "meta.whoami", call: call, arguments: [:], failure: nil, duration: .milliseconds(1)))
    }

    /// Waits until the writer has caught up, so that one measurement does not pay for another.
    func settle() async { await audit.flush() }

    private struct NoAdministrator: Error {}
    private struct NoAnswer: Error {}
}

/// A real tool's name and schemas, and a constant answer. Anybody may call it, so that internal tools are measured, too.
private struct CannedTool: Tool {
    let definition: ToolDefinition
    private let answer: JSONValue

    init(_ real: ToolDefinition, answer: JSONValue) {
        var definition = real
        definition.access = .user([])
        definition.target = .none
        definition.exposure = .mcp(toolset: .core)
        self.definition = definition
        self.answer = answer
    }

    func run(_ input: JSONValue, in call: ToolCall) async throws -> JSONValue { answer }
}

private final class BenchSettings: SettingsStore {
    let current: GatewaySettings = {
        var settings = GatewaySettings()
        settings.enableMCP = true
        settings.mcpRateLimitPerSecond = 1_000_000_000
        settings.mcpRateLimitPerMinute = 1_000_000_000
        return settings
    }()

    func update(
        _ change: @Sendable (inout GatewaySettings) -> Void
    ) async throws(SettingsError) -> GatewaySettings { current }
}

private struct NoSessions: SessionTokens {
    func sign(userID: Int64, keyID: String, issuedAt: Date, expiresAt: Date) async throws -> String { "" }
}
