import Storage

import struct FoundationEssentials.Date

/// What of the hand-overs between owners counts at this moment: which are pending, which way back is open, and which
/// secret a server's agent has for good (`transfer.md` 5 and 6). A value: no clock, no database; its owner feeds it with
/// what the database has decided.
struct OwnershipLedger: Sendable {
    /// How long a hand-over may stay pending, and how long the way back from one stays open. Seconds.
    static let window = 86_400.0

    /// The way back from a hand-over that came to nothing.
    private struct WayBack {
        var transfer: ServerTransferRecord
        /// Whether the agent is still sent the secret of the way back; a newer hand-over ends that, not the way itself.
        var isDelivered: Bool
        var expiresAt: Date
    }

    private struct Lasting {
        var hash: String
        var transfer: Int64
    }

    /// What an agent's secret stands for.
    enum Meaning: Sendable, Equatable {
        /// The proof of this pending hand-over.
        case proof(transfer: Int64, server: Int64)
        /// The new secret of a hand-over that was undone: the agent is let in to be sent back.
        case undone(server: Int64)
        /// The proof that the agent is on its way back.
        case returned(transfer: Int64, server: Int64)
        /// The agent's own secret since its last hand-over.
        case lasting(server: Int64)
        /// It was good for a server that is no more.
        case retired

        var server: Int64? {
            switch self {
            case .proof(_, let server), .undone(let server), .returned(_, let server), .lasting(let server): server
            case .retired: nil
            }
        }
    }

    /// What an agent that attaches is to be sent.
    struct Delivery: Sendable {
        enum Direction: Sendable { case forward, back }

        var transfer: ServerTransferRecord
        var direction: Direction

        var secret: ServerTransferRecord.Secret { direction == .forward ? transfer.forward : transfer.revert }
    }

    /// All by server.
    private var pending: [Int64: ServerTransferRecord] = [:]
    private var waysBack: [Int64: WayBack] = [:]
    private var lasting: [Int64: Lasting] = [:]
    private var serverOfHash: [String: Int64] = [:]
    private var hashesOfServer: [Int64: [String]] = [:]
    private var retired: Set<String> = []

    init() {}

    /// What the database says at the start (`transfer.md` 6).
    /// - Parameters:
    ///   - rows: ascending by id.
    ///   - owners: of the servers that exist.
    init(_ rows: [ServerTransferRecord], owners: [Int64: Int64]) {
        for row in rows where row.status == .pending && owners[row.serverID] != nil { pending[row.serverID] = row }
        for row in rows where row.status != .pending {
            guard let owner = owners[row.serverID] else {
                retired.formUnion([row.forward.hash, row.revert.hash])
                continue
            }
            let outgoing = pending[row.serverID]?.fromUserID
            // Whoever has the server, or has it back should the pending hand-over come to nothing.
            let keeper = row.status == .verified ? row.toUserID : row.fromUserID
            guard owner == keeper || outgoing == keeper else { continue }
            if row.ackedAt != nil { settle(row) } else { openWayBack(row) }
        }
        for server in owners.keys { reindex(server) }
    }

    // MARK: What is asked

    func meaning(ofHash hash: String, at now: Date) -> Meaning? {
        guard let server = serverOfHash[hash] else { return retired.contains(hash) ? .retired : nil }
        if let row = pending[server], row.forward.hash == hash { return .proof(transfer: row.id, server: server) }
        if let way = waysBack[server], way.expiresAt > now {
            if way.transfer.forward.hash == hash { return .undone(server: server) }
            if way.transfer.revert.hash == hash { return .returned(transfer: way.transfer.id, server: server) }
        }
        return lasting[server]?.hash == hash ? .lasting(server: server) : nil
    }

    func pendingTransfer(of server: Int64) -> ServerTransferRecord? { pending[server] }

    var pendingTransfers: [ServerTransferRecord] { pending.values.sorted { $0.id < $1.id } }

    /// Whether an agent with this user's secret may still come although the server is not theirs: its new secret has not
    /// reached it, or it is to be taken back.
    func admits(formerOwner user: Int64, of server: Int64, at now: Date) -> Bool {
        if pending[server]?.fromUserID == user { return true }
        guard let way = waysBack[server], way.isDelivered, way.expiresAt > now else { return false }
        return way.transfer.fromUserID == user
    }

    func delivery(to server: Int64, at now: Date) -> Delivery? {
        if let row = pending[server] { return Delivery(transfer: row, direction: .forward) }
        guard let way = waysBack[server], way.isDelivered, way.expiresAt > now else { return nil }
        return Delivery(transfer: way.transfer, direction: .back)
    }

    /// Pending longer than they may be.
    func overdue(at now: Date) -> [ServerTransferRecord] {
        pendingTransfers.filter { now.timeIntervalSince($0.createdAt) >= Self.window }
    }

    // MARK: What the database has decided

    mutating func began(_ row: ServerTransferRecord) {
        pending[row.serverID] = row
        waysBack[row.serverID]?.isDelivered = false
        reindex(row.serverID)
    }

    mutating func verified(_ row: ServerTransferRecord) {
        forget(row)
        waysBack[row.serverID] = nil
        lasting[row.serverID] = Lasting(hash: row.forward.hash, transfer: row.id)
        reindex(row.serverID)
    }

    mutating func reverted(_ row: ServerTransferRecord) {
        forget(row)
        openWayBack(row)
        reindex(row.serverID)
    }

    /// The agent came with the secret of the way back.
    mutating func returned(transfer id: Int64, server: Int64) {
        guard let way = waysBack[server], way.transfer.id == id else { return }
        waysBack[server] = nil
        lasting[server] = Lasting(hash: way.transfer.revert.hash, transfer: id)
        reindex(server)
    }

    /// The row is not pending any more, whatever became of it; a newer one of the same server stays.
    mutating func forget(_ row: ServerTransferRecord) {
        guard pending[row.serverID]?.id == row.id else { return }
        pending[row.serverID] = nil
        reindex(row.serverID)
    }

    /// The server was deleted.
    mutating func removed(server: Int64) {
        retired.formUnion(hashesOfServer[server] ?? [])
        pending[server] = nil
        waysBack[server] = nil
        lasting[server] = nil
        reindex(server)
    }

    // MARK: Within

    private mutating func openWayBack(_ row: ServerTransferRecord) {
        waysBack[row.serverID] = WayBack(
            transfer: row, isDelivered: pending[row.serverID] == nil,
            expiresAt: row.updatedAt.addingTimeInterval(Self.window))
    }

    /// At the start: the newest acknowledgement counts.
    private mutating func settle(_ row: ServerTransferRecord) {
        let secret = row.status == .verified ? row.forward : row.revert
        if let known = lasting[row.serverID], known.transfer > row.id { return }
        lasting[row.serverID] = Lasting(hash: secret.hash, transfer: row.id)
        if let way = waysBack[row.serverID], way.transfer.id < row.id { waysBack[row.serverID] = nil }
    }

    private mutating func reindex(_ server: Int64) {
        for hash in hashesOfServer[server] ?? [] { serverOfHash[hash] = nil }
        var hashes: [String] = []
        if let row = pending[server] { hashes.append(row.forward.hash) }
        if let way = waysBack[server] { hashes += [way.transfer.forward.hash, way.transfer.revert.hash] }
        if let known = lasting[server] { hashes.append(known.hash) }
        hashesOfServer[server] = hashes.isEmpty ? nil : hashes
        for hash in hashes { serverOfHash[hash] = server }
    }
}
