import Synchronization

/// Counts the connections of each address that have not shown a credential, and admits only so many.
///
/// An IPv6 network of 64 bits counts as one address.
package final class GuestBook: Sendable {
    private let counts = Lock<[SocketAddress.Network: Int]>([:])
    private let limit: Int

    /// - Parameter limit: of each address.
    package init(limit: Int) { self.limit = limit }

    /// - Returns: `nil` when the address has as many as it may. A peer without an address is not counted.
    package func admit(_ peer: SocketAddress?) -> GuestPass? {
        guard let network = peer?.network else { return GuestPass(of: nil, in: self) }
        let isAdmitted = counts.withLock { counts in
            let count = counts[network, default: 0]
            guard count < limit else { return false }
            counts[network] = count + 1
            return true
        }
        return isAdmitted ? GuestPass(of: network, in: self) : nil
    }

    /// How many an address has.
    package func count(of peer: SocketAddress) -> Int { counts.withLock { $0[peer.network] ?? 0 } }

    fileprivate func leave(_ network: SocketAddress.Network) {
        counts.withLock { counts in
            guard let count = counts[network] else { return }
            counts[network] = count > 1 ? count - 1 : nil
        }
    }
}

/// The place of a connection without a credential. It is given back when the last reference goes, at the latest.
package final class GuestPass: Sendable {
    private let network: SocketAddress.Network?
    private let book: GuestBook
    private let isOver = Atomic(false)

    fileprivate init(of network: SocketAddress.Network?, in book: GuestBook) {
        self.network = network
        self.book = book
    }

    deinit { release() }

    /// The connection has shown a credential, or is closed. More than once does no harm.
    package func release() {
        guard let network, !isOver.exchange(true, ordering: .relaxed) else { return }
        book.leave(network)
    }
}
