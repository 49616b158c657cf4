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

    /// Whether a body that is gathered takes memory that there is not.
    func isTooMuch(_ gathered: GatheredBytes) -> Bool {
        gathered.isCounted && unreadIsOver && gathered.count > limits.shortBody
    }
}

/// Bytes of one body that its reader gathers before it looks at them.
final class GatheredBytes: Sendable {
    private let bytes = Atomic(0)
    private let unread: UnreadBodies?

    /// - Parameter unread: counts them, too; `nil` for a request with a credential.
    init(_ unread: UnreadBodies?) { self.unread = unread }

    var isCounted: Bool { unread != nil }
    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) {
        bytes.add(count, ordering: .relaxed)
        unread?.add(count)
    }
}

/// Bytes of bodies without a credential that wait for their readers, or are gathered by them.
final class UnreadBodies: Sendable {
    private let bytes = Atomic(0)

    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
}
