import AgentLink
import Foundation
import HTTP
import Logging
import Secrets
import Settings
import Storage
import Synchronization
import TestSupport

@testable import MCPServer

/// A gateway's transfers over fakes: user 1 (member) owns server 7 and token 5; user 2 is an administrator.
final class TransferWorld: Sendable {
    static let userID: Int64 = 1
    static let tokenID: Int64 = 5
    static let serverID: Int64 = 7

    /// A second is promised; a busy machine that runs all tests at once gets some more.
    static let promptly: Duration = .seconds(60)

    let tables = TransferTables()
    let settings = TransferSettings()
    let clock = TransferClock()
    let network: TransferFakeNetwork
    let identity: IdentityCache
    let live: LiveWork
    let urls: TransferURLs
    let audit: AuditLog
    let endpoint: TransferEndpoint
    let spoolDirectory: String
    private let auditWriter: Task<Void, Never>

    init(
        configuration: TransferConfiguration = .init(), capacity: Int = 2, freeBytes: Int? = Int.max
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "transfer-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        spoolDirectory = directory.path
        var configuration = configuration
        configuration.spoolDirectory = directory.path
        let storage = tables.storage
        let clock = clock
        network = TransferFakeNetwork(serverID: Self.serverID, capacity: capacity)
        identity = IdentityCache(storage: storage)
        live = LiveWork(identity: identity, settings: settings, now: { clock.now })
        urls = TransferURLs(now: { clock.now })
        let audit = AuditLog(
            repository: storage.audit, logger: Self.logger,
            dataKey: SecretKey(derivedFrom: [1], context: "tests"), now: { clock.now })
        self.audit = audit
        let gate = AccessGate(identity: identity, settings: settings, network: network)
        let streams = TransferStreams(network: network, configuration: configuration)
        let registry = try ToolRegistry(
            [FsDownloadTool(streams), FsUploadTool(streams)], gate: gate, live: live, audit: audit,
            logger: Self.logger)
        endpoint = TransferEndpoint(
            registry: registry, urls: urls, gate: gate, identity: identity, tokens: storage.tokens, settings: settings,
            audit: audit, configuration: configuration,
            space: SpoolSpace(directory: directory.path, spare: configuration.spareDiskBytes) { _ in freeBytes },
            now: { clock.now }, logger: Self.logger)
        auditWriter = Task { await audit.run() }
        tables.change { $0.fill() }
        try await identity.refresh()
    }

    deinit {
        auditWriter.cancel()
        try? FileManager.default.removeItem(atPath: spoolDirectory)
    }

    static var logger: Logger { Logger(label: "transfers") { _ in SwiftLogNoOpLogHandler() } }

    /// The token of a fresh URL.
    func mint(
        _ direction: TransferGrant.Direction, path: String = "/srv/data.bin", lifetime: TimeInterval = 300,
        _ adjust: (inout TransferGrant) -> Void = { _ in }
    ) throws -> String {
        var grant = TransferGrant(
            direction: direction, userID: Self.userID, tokenID: Self.tokenID, serverID: Self.serverID, path: path,
            expiresAt: clock.now + lifetime)
        adjust(&grant)
        return try urls.mint(grant)
    }

    func download(
        _ token: String, method: HTTPRequest.Method = .get, ip: String? = "192.0.2.1"
    ) async -> OutboundResponse {
        await endpoint.handleDownload(
            TransferHTTP.request(method, "/mcp/download/\(token)", ip: ip), token: token)
    }

    func upload(
        _ token: String, _ body: [UInt8], length: Int? = nil, query: String = "", ip: String? = "192.0.2.1"
    ) async -> OutboundResponse {
        await upload(token, TransferHTTP.body(body), length: length ?? body.count, query: query, ip: ip)
    }

    func upload(
        _ token: String, _ body: RequestBody, length: Int?, query: String = "", ip: String? = "192.0.2.1"
    ) async -> OutboundResponse {
        var request = TransferHTTP.request(.post, "/mcp/upload/\(token)\(query)", ip: ip)
        if let length { request.head.headerFields[.contentLength] = String(length) }
        request.body = body
        return await endpoint.handleUpload(request, token: token)
    }

    func auditRows() async -> [AuditRecord] {
        await audit.flush()
        return tables.audit
    }

    /// What a change of identities is followed by in the gateway.
    func changed(_ change: (inout TransferTables.Rows) -> Void) async throws {
        tables.change(change)
        try await identity.refresh()
        await live.recheckAll()
    }

    func disable() {
        settings.set { $0.enableMCP = false }
        urls.purgeAll()
        live.throwKillSwitch()
    }

    /// Whether nothing is held any more: slots, disk, streams, live work, descriptors.
    func isAtRest() async -> Bool {
        await Self.eventually {
            self.endpoint.slots.inUse == 0 && self.endpoint.space.outstanding == 0 && self.network.openCount == 0
                && self.live.count == 0 && self.spoolDescriptors == 0
        }
    }

    /// Waits up to two seconds for what other tasks bring about.
    static func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
        for _ in 0..<400 {
            if condition() { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return condition()
    }

    /// Open files in the spool's folder, which have no name any more.
    var spoolDescriptors: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.filter {
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
            return target?.hasPrefix(spoolDirectory) ?? false
        }.count
    }
}

extension TransferTables.Rows {
    mutating func fill() {
        let date = Date(timeIntervalSince1970: 1_700_000_000)
        for (id, role) in [(Int64(1), UserRecord.Role.member), (2, .administrator), (3, .member)] {
            users[id] = UserRecord(
                id: id, username: "user\(id)", passwordHash: "", role: role, agentSecretHash: "\(id)",
                agentSecretSealed: [], createdAt: date, updatedAt: date)
        }
        servers[7] = ServerRecord(id: 7, userID: 1, uuid: "7", name: "seven", createdAt: date, updatedAt: date)
        tokens[5] = APITokenRecord(
            id: 5, userID: 1, name: "ci", tokenHash: "5", scopes: ["nezha:server:read", "nezha:server:write"],
            createdAt: date, updatedAt: date)
    }
}

final class TransferSettings: SettingsStore {
    private let state: Mutex<GatewaySettings>

    init() {
        var settings = GatewaySettings()
        settings.enableMCP = true
        state = Mutex(settings)
    }

    var current: GatewaySettings { state.withLock { $0 } }

    func set(_ change: (inout GatewaySettings) -> Void) { state.withLock { change(&$0) } }

    func update(_ change: @Sendable (inout GatewaySettings) -> Void) async throws(SettingsError) -> GatewaySettings {
        set(change)
        return current
    }
}

final class TransferClock: Sendable {
    private let state = Mutex(Date(timeIntervalSince1970: 1_800_000_000))

    var now: Date { state.withLock { $0 } }

    func advance(_ seconds: TimeInterval) { state.withLock { $0 += seconds } }
}

enum TransferHTTP {
    static func request(_ method: HTTPRequest.Method, _ path: String, ip: String?) -> InboundRequest {
        InboundRequest(
            head: HTTPRequest(method: method, scheme: "https", authority: "gate.test", path: path), id: "req-1",
            client: ClientAddress(peer: ip, real: ip), isSecure: true, body: .empty)
    }

    /// A body in chunks of 1000 bytes, or of `chunk`.
    static func body(_ bytes: [UInt8], chunk: Int = 1000) -> RequestBody {
        let offset = Mutex(0)
        return RequestBody {
            offset.withLock { offset in
                guard offset < bytes.count else { return nil }
                let end = min(offset + chunk, bytes.count)
                defer { offset = end }
                return Array(bytes[offset..<end])
            }
        }
    }

    /// All of the answer's body.
    static func bytes(_ response: OutboundResponse) async throws -> [UInt8] {
        switch response.body {
        case .none: return []
        case .bytes(let bytes): return bytes
        case .stream(_, let produce):
            let sink = Mutex<[UInt8]>([])
            try await produce { piece in sink.withLock { $0 += piece } }
            return sink.withLock { $0 }
        case .webSocket, .switched: throw NotBytes()
        }
    }

    struct NotBytes: Error {}

    static func text(_ response: OutboundResponse) async throws -> String {
        String(decoding: try await bytes(response), as: UTF8.self)
    }
}
