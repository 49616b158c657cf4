package import AgentLink
package import Logging
import Primitives
package import Secrets
package import Storage
import Synchronization

package import struct FoundationEssentials.Date

/// Hands servers from one owner to another (`transfer.md`): the owner changes at once, the agent gets a secret of its own,
/// and only its coming back with that secret finishes it; everything else gives the server back.
///
/// The database decides every step (it compares and sets); what it decided is put into the ledger that admission reads.
package final class OwnershipTransfers: Sendable {
    /// Agents before it do not know the task.
    static let firstVersion = AgentVersion("1.18.0")
    static let tooOld =
        "agent build older than v1.18.0 does not support server transfer (TaskTypeServerTransferApply)"
    /// Bytes of an agent's error text that are kept.
    private static let errorLimit = 1024

    package let feed = OwnershipFeed()
    let storage: Storage
    let identity: IdentityCache
    let network: any AgentNetwork
    let dataKey: SecretKey
    let logger: Logger
    let now: @Sendable () -> Date
    private let ledger = Mutex(OwnershipLedger())
    let outbox = OwnershipOutbox()

    package init(
        storage: Storage, identity: IdentityCache, network: any AgentNetwork, dataKey: SecretKey, logger: Logger,
        now: @escaping @Sendable () -> Date
    ) {
        self.storage = storage
        self.identity = identity
        self.network = network
        self.dataKey = dataKey
        self.logger = logger
        self.now = now
    }

    /// Reads what counts from the database; before agents are served, and when the servers are in memory.
    package func load() async throws {
        let rows = try await storage.serverTransfers.effective(since: now().addingTimeInterval(-OwnershipLedger.window))
        let owners = Dictionary(uniqueKeysWithValues: identity.servers.map { ($0.id, $0.userID) })
        ledger.withLock { $0 = OwnershipLedger(rows, owners: owners) }
    }

    func asking<Value>(_ body: (borrowing OwnershipLedger) -> Value) -> Value { ledger.withLock { body($0) } }

    // MARK: Beginning

    /// Why a hand-over was not begun.
    enum Refusal: Error, Equatable {
        case agentTooOld
        case alreadyPending
        /// The server is gone or somebody else's by now.
        case notFound
    }

    /// Gives the server to `userID` and begins to hand it over.
    /// - Throws: ``Refusal``, `StorageError`.
    func begin(_ server: ServerRecord, to userID: Int64, initiator: Int64) async throws -> ServerTransferRecord {
        guard await !isTooOld(server.id) else { throw Refusal.agentTooOld }
        let date = now()
        var row = ServerTransferRecord(
            serverID: server.id, fromUserID: server.userID, toUserID: userID, initiatorID: initiator,
            forward: newSecret(), revert: newSecret(), createdAt: date, updatedAt: date)
        do {
            row.id = try await storage.serverTransfers.start(row)
        } catch StorageError.duplicate {
            throw Refusal.alreadyPending
        } catch StorageError.notFound {
            throw Refusal.notFound
        }
        ledger.withLock { $0.began(row) }
        await ownerChanged(row)
        return row
    }

    /// An agent that never said its version is left to the task itself.
    func isTooOld(_ server: Int64) async -> Bool {
        guard let version = await network.presence(of: [server])[server]?.host?.version, !version.isEmpty else {
            return false
        }
        return AgentVersion(version) < Self.firstVersion
    }

    private func newSecret() -> ServerTransferRecord.Secret {
        let text = SecureRandom.alphanumeric(32)
        return ServerTransferRecord.Secret(hash: dataKey.keyedHash(text), sealed: dataKey.seal(Array(text.utf8)))
    }

    // MARK: Settling

    /// - Returns: the row as it is then; `nil` when it was settled already.
    @discardableResult
    func revert(
        _ row: ServerTransferRecord, to status: ServerTransferRecord.Status, error: String = ""
    ) async throws -> ServerTransferRecord? {
        let text = error.cut(toBytes: Self.errorLimit)
        guard let settled = try await storage.serverTransfers.revert(id: row.id, to: status, error: text, at: now())
        else {
            ledger.withLock { $0.forget(row) }
            return nil
        }
        ledger.withLock { $0.reverted(settled) }
        await ownerChanged(settled)
        return settled
    }

    /// The agent came with the new secret.
    /// - Returns: whether that finished the hand-over; `false` when it was settled a moment ago.
    func verify(transfer id: Int64, server: Int64) async throws -> Bool {
        guard let settled = try await storage.serverTransfers.verify(id: id, at: now()) else {
            ledger.withLock { ledger in
                if let row = ledger.pendingTransfer(of: server), row.id == id { ledger.forget(row) }
            }
            return false
        }
        ledger.withLock { $0.verified(settled) }
        logger.info(
            "server handed over",
            metadata: ["server": "\(server)", "transfer": "\(id)", "owner": "\(settled.toUserID)"])
        feed.tell(settled)
        return true
    }

    /// The agent came with the secret of the way back.
    func acknowledge(transfer id: Int64, server: Int64) async throws {
        _ = try await storage.serverTransfers.acknowledge(id: id, at: now())
        ledger.withLock { $0.returned(transfer: id, server: server) }
    }

    /// Gives back what has been pending for too long.
    func expire() async {
        let overdue = ledger.withLock { $0.overdue(at: now()) }
        await withDiscardingTaskGroup { group in
            for row in overdue { group.addTask { await self.settle(row, .timeout) } }
        }
    }

    /// As ``revert(_:to:error:)`` where nobody waits for the outcome.
    func settle(_ row: ServerTransferRecord, _ status: ServerTransferRecord.Status, error: String = "") async {
        do {
            try await revert(row, to: status, error: error)
        } catch {
            // The row stays pending; the next look at it tries again.
            logger.error(
                "a server was not given back",
                metadata: ["server": "\(row.serverID)", "transfer": "\(row.id)", "error": "\(error)"])
        }
    }

    /// Servers or users were deleted, by whichever process: the database has cancelled what was pending of theirs.
    package func reconcile() async {
        for row in ledger.withLock({ $0.pendingTransfers }) {
            let isServerThere = identity.server(id: row.serverID) != nil
            let areUsersThere = [row.fromUserID, row.toUserID].allSatisfy { $0 == 0 || identity.user(id: $0) != nil }
            if isServerThere, areUsersThere { continue }
            do {
                guard let settled = try await storage.serverTransfers.transfer(id: row.id), settled.status != .pending
                else { continue }
                ledger.withLock { $0.forget(row) }
                feed.tell(settled)
            } catch {
                logger.error("a server transfer was not read", metadata: ["error": "\(error)"])
            }
        }
    }

    /// A server was deleted; after ``IdentityCache/refresh()``.
    func removed(servers ids: [Int64]) async {
        await reconcile()
        ledger.withLock { ledger in for id in ids { ledger.removed(server: id) } }
    }

    /// The owner of a server is another one from now on, in the database; makes it so everywhere else.
    private func ownerChanged(_ row: ServerTransferRecord) async {
        do {
            try await identity.refresh()
        } catch {
            // The watcher of rights reads it a moment later.
            logger.error("identities not readable", metadata: ["error": "\(error)"])
        }
        await network.disconnect(server: row.serverID, detach: false)
        feed.tell(row)
        outbox.push(row.serverID)
    }
}
