package import AgentLink
import HTTP
import Storage
import Synchronization

package import struct FoundationEssentials.Date

/// What the watchers of `GET /ws/server` get: the servers as they are at each tick, read once and written once, however
/// many watch. Nothing is done while nobody does.
package actor LiveServers {
    /// Seconds between two messages to a watcher. Ticks are on whole multiples, so that all watchers share one.
    package static let interval: Int64 = 2

    private let identity: IdentityCache
    private let network: any AgentNetwork
    private let now: @Sendable () -> Date
    private var current: (moment: Moment, snapshot: Task<LiveServersSnapshot, Never>)?
    private var hosts: [Int64: ServerHostPiece] = [:]

    /// A tick, and what was known of servers and users then: who was hidden or given away since is seen by nobody anew.
    private struct Moment: Equatable {
        var tick: Int64
        var revision: Int64
    }

    package init(identity: IdentityCache, network: any AgentNetwork, now: @escaping @Sendable () -> Date) {
        self.identity = identity
        self.network = network
        self.now = now
    }

    /// The servers at the tick that has begun last, as far as nothing was changed since.
    func snapshot() async -> LiveServersSnapshot {
        let date = now()
        let moment = Moment(
            tick: Int64(date.timeIntervalSince1970) / Self.interval, revision: identity.revision)
        if let current, current.moment == moment { return await current.snapshot.value }
        let snapshot = Task { await read(at: date) }
        current = (moment, snapshot)
        return await snapshot.value
    }

    private func read(at date: Date) async -> LiveServersSnapshot {
        let servers = identity.servers
        let presence = await network.presence(of: servers.map(\.id))
        var kept: [Int64: ServerHostPiece] = [:]
        kept.reserveCapacity(servers.count)
        let pieces = servers.map { server in
            let known = presence[server.id]
            let info = known?.host ?? HostInfo()
            let host = hosts[server.id].flatMap { $0.info == info ? $0 : nil } ?? ServerHostPiece(info)
            kept[server.id] = host
            return ServerPiece(server, known, host: host)
        }
        hosts = kept
        return LiveServersSnapshot(pieces, at: date)
    }
}

/// Who looks at the servers: everybody with the same view gets the same bytes.
struct LiveView: Hashable, Sendable {
    /// The one whose own servers show in full, also when they are hidden; 0 for guests.
    var userID: Int64
    var isAdministrator: Bool
    /// Of the token, sorted; empty = no restriction.
    var servers: [Int64]

    init(_ principal: Principal) {
        isAdministrator = principal.isAdministrator
        userID = isAdministrator ? 0 : principal.user?.id ?? 0
        servers = principal.token?.serverIDs.sorted() ?? []
    }

    func owns(_ server: ServerRecord) -> Bool {
        Principal.isOwner(of: server.userID, user: userID, isAdministrator: isAdministrator)
    }
}

/// The servers at one moment, and the messages that were made of them.
final class LiveServersSnapshot: Sendable {
    private let pieces: [ServerPiece]
    /// Whole seconds, in milliseconds.
    private let moment: Int64
    private let owners: Set<Int64>
    private struct Made {
        var messages: [LiveView: SharedMessage] = [:]
        var firsts: [LiveView: [UInt8]] = [:]
    }
    private let made = Mutex(Made())

    init(_ pieces: [ServerPiece], at date: Date) {
        self.pieces = pieces
        moment = Int64(date.timeIntervalSince1970) * 1000
        owners = Set(pieces.map(\.server.userID))
    }

    /// - Parameter online: how many watch; of those who share a message the first one's counts.
    func message(for view: LiveView, online: Int) -> SharedMessage {
        let view = effective(view)
        return made.withLock { made in
            if let known = made.messages[view] { return known }
            let message = SharedMessage(whole(list(view, hasNotes: false), online))
            made.messages[view] = message
            return message
        }
    }

    /// A watcher's first message, which has the public notes.
    func firstMessage(for view: LiveView, online: Int) -> SharedMessage {
        let view = effective(view)
        let list = made.withLock { made in
            if let known = made.firsts[view] { return known }
            let list = self.list(view, hasNotes: true)
            made.firsts[view] = list
            return list
        }
        return SharedMessage(whole(list, online))
    }

    /// Whoever owns no server sees what guests see.
    private func effective(_ view: LiveView) -> LiveView {
        guard view.userID != 0, !owners.contains(view.userID) else { return view }
        var view = view
        view.userID = 0
        return view
    }

    private func list(_ view: LiveView, hasNotes: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pieces.count * 640)
        let listed = view.servers.isEmpty ? nil : Set(view.servers)
        for piece in pieces where listed?.contains(piece.server.id) ?? true {
            let isOwn = view.owns(piece.server)
            guard isOwn || !piece.server.hideForGuest else { continue }
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
            piece.append(to: &bytes, isFull: isOwn, hasNote: hasNotes)
        }
        return bytes
    }

    private func whole(_ list: [UInt8], _ online: Int) -> [UInt8] {
        var bytes = Array(#"{"now":\#(moment),"online":\#(online),"servers":["#.utf8)
        bytes.reserveCapacity(bytes.count + list.count + 2)
        bytes += list
        bytes += "]}".utf8
        return bytes
    }
}
