import Synchronization

package import struct FoundationEssentials.Date

/// Who watches the servers live now (`GET /ws/server`): the list of online users, the number that pages show, and the
/// bound on how many there may be.
package final class WatcherRegistry: Sendable {
    /// One open socket.
    package struct Watcher: Sendable {
        package var number: Int
        /// `nil` for a guest.
        package var userID: Int64?
        package var connectedAt: Date
        /// The client's own address; `nil` where it is not known.
        package var ip: String?
    }

    package struct Limits: Sendable {
        package var perUser = 200
        package var perAddress = 200
        package var total = 20_000

        package init() {}
    }

    private struct State {
        var last = 0
        var watchers: [Int: (watcher: Watcher, close: @Sendable () -> Void)] = [:]
        var ofUser: [Int64: Int] = [:]
        var ofAddress: [String: Int] = [:]
    }

    private let limits: Limits
    private let state = Mutex(State())

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    package var count: Int { state.withLock { $0.watchers.count } }

    /// All, oldest first.
    package var all: [Watcher] {
        state.withLock { $0.watchers.values.map(\.watcher) }.sorted { $0.number < $1.number }
    }

    /// Closes the sockets of these addresses, in the form in which they are kept (``ClientAddress/real``).
    package func close(addresses: Set<String>) {
        let found = state.withLock { state in
            state.watchers.values.filter { $0.watcher.ip.map(addresses.contains) ?? false }.map(\.close)
        }
        for close in found { close() }
    }

    /// Registers a socket; ``leave(_:)`` must follow.
    /// - Parameter close: ends the socket; returns at once.
    /// - Throws: a refusal where there are too many already.
    func enter(
        userID: Int64?, ip: String?, at date: Date, close: @escaping @Sendable () -> Void
    ) throws(ToolFailure) -> Watcher {
        let entered: Result<Watcher, ToolFailure> = state.withLock { state in
            guard state.watchers.count < limits.total else { return .failure(.rejected("too many concurrent streams")) }
            if let userID, state.ofUser[userID, default: 0] >= limits.perUser {
                return .failure(.rejected("too many concurrent streams for this user"))
            }
            if let ip, state.ofAddress[ip, default: 0] >= limits.perAddress {
                return .failure(.rejected("too many concurrent streams for this address"))
            }
            state.last += 1
            let watcher = Watcher(number: state.last, userID: userID, connectedAt: date, ip: ip)
            state.watchers[watcher.number] = (watcher, close)
            if let userID { state.ofUser[userID, default: 0] += 1 }
            if let ip { state.ofAddress[ip, default: 0] += 1 }
            return .success(watcher)
        }
        return try entered.get()
    }

    func leave(_ watcher: Watcher) {
        state.withLock { state in
            guard state.watchers.removeValue(forKey: watcher.number) != nil else { return }
            if let user = watcher.userID { Self.lower(&state.ofUser, user) }
            if let ip = watcher.ip { Self.lower(&state.ofAddress, ip) }
        }
    }

    private static func lower<Key>(_ counts: inout [Key: Int], _ key: Key) {
        let count = counts[key, default: 0]
        counts[key] = count > 1 ? count - 1 : nil
    }
}
