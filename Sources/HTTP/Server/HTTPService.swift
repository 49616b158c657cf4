import Synchronization
import Transport

/// What all connections of a listener share: the one entry, the limits, and what they may have together.
final class HTTPService: Sendable {
    let entry: HTTPEntry
    let limits: ListenerLimits
    /// Connections on which the listener waits for something that costs the client nothing to hold back: the first
    /// bytes, the rest of a head, of a body without a credential.
    let guests: GuestBook
    let unread = UnreadBodies()
    let date = HTTPDate.shared

    init(limits: ListenerLimits = ListenerLimits(), entry: @escaping HTTPEntry) {
        self.entry = entry
        self.limits = limits
        guests = GuestBook(limit: limits.waitingForOneAddress)
    }

    var unreadIsOver: Bool { unread.count > limits.unreadBodies }
}

/// Bytes of bodies without a credential that wait for their readers.
final class UnreadBodies: Sendable {
    private let bytes = Atomic(0)

    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
}
