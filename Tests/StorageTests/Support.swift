import FoundationEssentials
import Glibc
import Logging
import Testing

@testable import Storage

/// A folder of its own for one test, removed at the end.
final class Scratch: Sendable {
    let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/storage-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    var database: String { folder + "/sqlite.db" }

    func open(
        _ mode: SQLiteDatabase.Mode = .serve, forms: [any Form.Type] = Forms.all
    ) throws -> SQLiteHandle {
        try SQLiteDatabase.open(path: database, mode: mode, forms: forms, logger: quiet)
    }
}

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// Runs the body on the storage of a fresh database.
func withStorage(_ body: (Storage) async throws -> Void) async throws {
    let scratch = try Scratch()
    let handle = try scratch.open()
    defer { handle.close() }
    try await body(handle.storage)
}

/// Runs statements on a file, which is made if it is missing, as another program would.
func execute(_ path: String, _ sql: String) throws {
    if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
    let connection = try Connection(path: path, access: .readWrite)
    try connection.execute(script: sql)
    try connection.close()
}

/// The first column of what a query gives, as text.
func texts(_ path: String, _ sql: String) throws -> [String] {
    let connection = try Connection(path: path, access: .readOnly)
    let texts = try connection.rows(sql, []) { try $0.text(at: 0, column: "") }
    try connection.close()
    return texts
}

/// The schema of a file as `sqlite_master` has it, by name, white space folded.
func schema(_ path: String) throws -> [String] {
    try texts(path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").map(folded)
}

func folded(_ sql: String) -> String {
    sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
}

/// A time with milliseconds, as many as are stored.
func time(_ seconds: Int, milliseconds: Int = 0) -> Date {
    Date(timeIntervalSince1970: 1_700_000_000 + Double(seconds) + Double(milliseconds) / 1000)
}

func user(_ name: String, secret: String? = nil) -> UserRecord {
    UserRecord(
        username: name, passwordHash: "$argon2id$\(name)", role: .member,
        agentSecretHash: secret ?? "secret of \(name)",
        agentSecretSealed: [0, 1, 254, 255], createdAt: time(1), updatedAt: time(2))
}

func server(_ uuid: String, owner: Int64 = 0, index: Int64 = 0) -> ServerRecord {
    ServerRecord(
        userID: owner, uuid: uuid, name: "name of \(uuid)", displayIndex: index, createdAt: time(1), updatedAt: time(2))
}

func transfer(
    of server: Int64, from: Int64, to: Int64, forward: String = "f", revert: String = "r", at date: Date = time(1)
) -> ServerTransferRecord {
    ServerTransferRecord(
        serverID: server, fromUserID: from, toUserID: to, initiatorID: from, forward: .init(hash: forward, sealed: [1]),
        revert: .init(hash: revert, sealed: [2]), createdAt: date, updatedAt: date)
}

func token(_ hash: String, owner: Int64, expiresAt: Date? = nil) -> APITokenRecord {
    APITokenRecord(
        userID: owner, name: "ci", tokenHash: hash, scopes: ["nezha:server:exec"], expiresAt: expiresAt,
        createdAt: time(1), updatedAt: time(2))
}

func session(_ key: String, user: Int64, expiresAt: Date = time(3600)) -> SessionRecord {
    SessionRecord(
        keyID: key, userID: user, ip: "192.0.2.1", userAgentHash: "ua", tokenVersion: 0, expiresAt: expiresAt,
        createdAt: time(0), lastUsedAt: time(0))
}

func auditRow(_ tool: String, user: Int64 = 1, at date: Date = time(0)) -> AuditRecord {
    AuditRecord(
        id: 0, createdAt: date, userID: user, tokenID: 2, serverID: 3, tool: tool, origin: "mcp", requestID: "r-1",
        argumentsHash: "aa", argumentsRedacted: "{}", outcome: "agent_error", errorCode: "agent_error",
        errorMessage: "offline", durationMilliseconds: 12, ip: "2001:db8::1")
}

// MARK: What only tests ask

extension ServerRepository {
    func server(id: Int64) async throws -> ServerRecord? { try await servers().first { $0.id == id } }
}

extension APITokenRepository {
    /// However many the owner has.
    func insert(_ token: APITokenRecord) async throws -> Int64 { try #require(await insert(token, limit: .max)) }
}

extension ServerGroupForm {
    init(name: String, servers: [Int64]) {
        self.init()
        self.name = name
        self.servers = servers
    }
}

func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
}
