import Foundation
import Storage
import Synchronization

/// Tables in memory, for transfers: they allow states that a real database would not, such as a token without its user.
final class TransferTables: Sendable {
    struct Rows: Sendable {
        var users: [Int64: UserRecord] = [:]
        var servers: [Int64: ServerRecord] = [:]
        var tokens: [Int64: APITokenRecord] = [:]
        var audit: [AuditRecord] = []
        var revision: Int64 = 1
        var isBroken = false
    }

    private let rows = Mutex(Rows())

    /// Changes identities, as a committed transaction would.
    func change(_ change: (inout Rows) -> Void) {
        rows.withLock {
            change(&$0)
            $0.revision += 1
        }
    }

    func read<T: Sendable>(_ read: (Rows) -> T) throws -> T {
        try rows.withLock {
            if $0.isBroken { throw StorageError.failed("broken on purpose") }
            return read($0)
        }
    }

    var audit: [AuditRecord] { rows.withLock { $0.audit } }

    func append(_ new: [AuditRecord]) { rows.withLock { $0.audit += new } }

    var storage: Storage {
        let unused = Unused()
        return Storage(
            users: Users(tables: self), servers: Servers(tables: self), serverTransfers: unused,
            tokens: Tokens(tables: self), sessions: unused,
            audit: Audit(tables: self), strikes: unused, changes: Changes(tables: self),
            resources: UnusedResources())
    }
}

private let unused = StorageError.failed("not needed by transfers")

private struct Changes: ChangeSource {
    let tables: TransferTables
    func revision() async throws -> Int64 { try tables.read { $0.revision } }
}

private struct Audit: AuditRepository {
    let tables: TransferTables
    func append(_ rows: [AuditRecord]) async throws { tables.append(rows) }
    func rows(_ selection: AuditSelection, limit: Int) async throws -> [AuditRecord] { tables.audit }
    func purge(allBut newest: Int, limit: Int) async throws -> Int { 0 }
    func purge(before date: Date, limit: Int) async throws -> Int { 0 }
}

private struct Tokens: APITokenRepository {
    let tables: TransferTables
    func insert(_ token: APITokenRecord, limit: Int) async throws -> Int64? { throw unused }
    func token(id: Int64) async throws -> APITokenRecord? { try tables.read { $0.tokens[id] } }
    func token(hash: String) async throws -> APITokenRecord? { throw unused }
    func tokens(of userID: Int64?) async throws -> [APITokenRecord] { throw unused }
    func delete(id: Int64) async throws -> Bool { throw unused }
    func deleteExpired(before date: Date) async throws -> Int { throw unused }
    func touch(id: Int64, usedAt: Date, ip: String) async throws {}
    func rename(_ id: Int64, to name: String) async throws { throw unused }
    func replaceScopes(_ scopes: [String], of id: Int64) async throws { throw unused }
}

private struct Users: UserRepository {
    let tables: TransferTables
    func users() async throws -> [UserRecord] { try tables.read { Array($0.users.values) } }
    func user(id: Int64) async throws -> UserRecord? { try tables.read { $0.users[id] } }
    func insert(_ user: UserRecord) async throws -> Int64 { throw unused }
    func update(_ user: UserRecord) async throws { throw unused }
    func user(named username: String) async throws -> UserRecord? { throw unused }
    func user(agentSecretHash: String) async throws -> UserRecord? { throw unused }
    func count() async throws -> Int { throw unused }
    func setPassword(_ hash: String, rejectPassword: Bool?, username: String?, for id: Int64) async throws {
        throw unused
    }
    func replacePasswordHash(_ old: String, by new: String, for id: Int64) async throws { throw unused }
    func delete(ids: [Int64]) async throws -> (servers: [Int64], tokens: [Int64]) { throw unused }
    func bind(_ binding: OAuth2Binding, to id: Int64) async throws { throw unused }
    func unbind(provider: String, from id: Int64) async throws -> OAuth2Unbinding { throw unused }
    func bindings(of id: Int64) async throws -> [OAuth2Binding] { throw unused }
    func user(boundTo binding: OAuth2Binding) async throws -> UserRecord? { throw unused }
}

private struct Servers: ServerRepository {
    let tables: TransferTables
    func servers() async throws -> [ServerRecord] { try tables.read { Array($0.servers.values) } }
    func server(uuid: String) async throws -> ServerRecord? { throw unused }
    func insert(_ server: ServerRecord) async throws -> Int64 { throw unused }
    func update(_ server: ServerRecord) async throws { throw unused }
    func delete(ids: [Int64]) async throws { throw unused }
}

private struct Unused: SessionRepository, StrikeRepository, ServerTransferRepository {
    func insert(_ session: SessionRecord) async throws -> Int64 { throw unused }
    func session(keyID: String) async throws -> SessionRecord? { nil }
    func extend(keyID: String, until: Date, usedAt: Date) async throws { throw unused }
    func touch(keyID: String, usedAt: Date) async throws { throw unused }
    func revoke(keyID: String, at: Date) async throws { throw unused }
    func purge(now: Date) async throws -> Int { 0 }
    func strikes() async throws -> [StrikeRecord] { [] }
    func put(_ strike: StrikeRecord) async throws {}
    func delete(ip: String, identifier: Int64) async throws {}
    func delete(ips: [String]) async throws {}
    func start(_ transfer: ServerTransferRecord) async throws -> Int64 { throw unused }
    func verify(id: Int64, at date: Date) async throws -> ServerTransferRecord? { throw unused }
    func revert(
        id: Int64, to status: ServerTransferRecord.Status, error: String, at date: Date
    ) async throws -> ServerTransferRecord? { throw unused }
    func acknowledge(id: Int64, at date: Date) async throws -> Bool { throw unused }
    func transfer(id: Int64) async throws -> ServerTransferRecord? { throw unused }
    func transfers(of userID: Int64?) async throws -> [ServerTransferRecord] { throw unused }
    func effective(since date: Date) async throws -> [ServerTransferRecord] { throw unused }
}
