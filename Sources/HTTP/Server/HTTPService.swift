import Synchronization
import Transport

/// What all connections of a listener share: the one entry, the limits, and what they may have together.
package final class HTTPService: Sendable {
    package let entry: HTTPEntry
    package let limits: ListenerLimits
    let waiting: WaitingConnections
    let unread = UnreadBodies()
    let date = HTTPDate.shared

    package init(limits: ListenerLimits = ListenerLimits(), entry: @escaping HTTPEntry) {
        self.entry = entry
        self.limits = limits
        waiting = WaitingConnections(limit: limits.waitingForOneAddress)
    }

    var unreadIsOver: Bool { unread.count > limits.unreadBodies }
}

/// Counts, for each address, the connections on which the listener waits for something that costs the client nothing to
/// hold back: the first bytes, the rest of a head, of a body without a credential.
final class WaitingConnections: Sendable {
    private let limit: Int
    private let counts = Lock<[String: Int]>([:])

    init(limit: Int) { self.limit = limit }

    /// - Parameter address: `nil` is not counted.
    /// - Returns: `false` when the address has its number already; it is not counted then.
    func enter(_ address: String?) -> Bool {
        guard let address else { return true }
        return counts.withLock { counts in
            guard counts[address, default: 0] < limit else { return false }
            counts[address, default: 0] += 1
            return true
        }
    }

    func leave(_ address: String?) {
        guard let address else { return }
        counts.withLock { counts in
            guard let count = counts[address] else { return }
            counts[address] = count > 1 ? count - 1 : nil
        }
    }

    func count(of address: String) -> Int { counts.withLock { $0[address] ?? 0 } }
}

/// Bytes of bodies without a credential that wait for their readers.
final class UnreadBodies: Sendable {
    private let bytes = Atomic(0)

    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
}
