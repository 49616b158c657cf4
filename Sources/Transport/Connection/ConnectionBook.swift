import Synchronization

/// Whoever's credential a connection has shown.
package enum ConnectionOwner: Hashable, Sendable {
    /// Of the web; its id.
    case user(Int64)
    /// The id of its server.
    case agent(Int64)
}

/// Counts connections: for each address those that have shown no credential, and admits only so many; for each owner
/// those that have.
///
/// An IPv6 network of 64 bits counts as one address.
package final class ConnectionBook: Sendable {
    package struct Limits: Sendable {
        /// Of an address, without a credential.
        package var ofAddress: Int
        package var ofUser: Int
        package var ofAgent: Int

        package init(ofAddress: Int, ofUser: Int = 1024, ofAgent: Int = 8) {
            self.ofAddress = ofAddress
            self.ofUser = ofUser
            self.ofAgent = ofAgent
        }
    }

    fileprivate enum Account: Hashable {
        case address(SocketAddress.Network)
        case owner(ConnectionOwner)
    }

    private let counts = Lock<[Account: Int]>([:])
    private let limits: Limits

    package init(limits: Limits) { self.limits = limits }

    /// - Returns: `nil` when the address has as many as it may. A peer without an address is not counted.
    package func admit(_ peer: SocketAddress?) -> ConnectionPlace? {
        guard let network = peer?.network else { return ConnectionPlace(nil, in: self) }
        return enter(.address(network)) ? ConnectionPlace(.address(network), in: self) : nil
    }

    /// How many an address has that have shown no credential.
    package func count(of peer: SocketAddress) -> Int { counts.withLock { $0[.address(peer.network)] ?? 0 } }

    /// How many an owner has.
    package func count(of owner: ConnectionOwner) -> Int { counts.withLock { $0[.owner(owner)] ?? 0 } }

    fileprivate func enter(_ account: Account) -> Bool {
        let limit =
            switch account {
            case .address: limits.ofAddress
            case .owner(.user): limits.ofUser
            case .owner(.agent): limits.ofAgent
            }
        return counts.withLock { counts in
            let count = counts[account, default: 0]
            guard count < limit else { return false }
            counts[account] = count + 1
            return true
        }
    }

    fileprivate func leave(_ account: Account) {
        counts.withLock { counts in
            guard let count = counts[account] else { return }
            counts[account] = count > 1 ? count - 1 : nil
        }
    }
}

/// The place of a connection among those of its address, later of its owner. It is given back when the last reference
/// goes, at the latest.
package final class ConnectionPlace: Sendable {
    private let book: ConnectionBook
    /// Where it is counted; `nil` when it is not, or not any more.
    private let account: Lock<ConnectionBook.Account?>
    private let isOwned = Atomic(false)

    fileprivate init(_ account: ConnectionBook.Account?, in book: ConnectionBook) {
        self.account = Lock(account)
        self.book = book
    }

    deinit { release() }

    /// Whether the connection has shown a credential of somebody who may have it.
    package var isKnown: Bool { isOwned.load(ordering: .acquiring) }

    /// A credential that came over the connection was believed: it counts for its owner from now on, no longer for its
    /// address. It stays with the first owner; where they have as many as they may it stays what it was.
    package func isOf(_ owner: ConnectionOwner) {
        guard !isKnown else { return }
        account.withLock { account in
            guard !isKnown, book.enter(.owner(owner)) else { return }
            if let account { book.leave(account) }
            account = .owner(owner)
            isOwned.store(true, ordering: .releasing)
        }
    }

    /// The connection is closed, or something else bounds it now. More than once does no harm.
    package func release() {
        account.withLock { account in
            if let account { book.leave(account) }
            account = nil
        }
    }
}
