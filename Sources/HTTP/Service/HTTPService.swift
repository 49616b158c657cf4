import Synchronization
import Transport

/// What all connections of a listener share: the one entry, the limits, and what they may have together.
final class HTTPService: Sendable {
    let entry: HTTPEntry
    let limits: ListenerLimits
    let book: ConnectionBook
    let unread = UnreadBodies()
    let date = HTTPDate.shared

    init(limits: ListenerLimits = ListenerLimits(), entry: @escaping HTTPEntry) {
        self.entry = entry
        self.limits = limits
        book = ConnectionBook(
            limits: ConnectionBook.Limits(
                ofAddress: limits.connectionsOfStrangers, ofUser: limits.connectionsOfUser,
                ofAgent: limits.connectionsOfAgent))
    }

    var unreadIsOver: Bool { unread.count > limits.unreadBodies }

    /// Whether a body that is gathered takes memory that there is not.
    func isTooMuch(_ gathered: GatheredBytes) -> Bool {
        gathered.isCounted && unreadIsOver && gathered.count > limits.shortBody
    }
}

/// Bytes of one body that its reader gathers before it looks at them. One task at a time adds.
final class GatheredBytes: Sendable {
    private let bytes = Atomic(0)
    /// How many of them count among ``UnreadBodies``.
    private let counted = Atomic(0)
    private let unread: UnreadBodies
    private let place: ConnectionPlace?

    /// - Parameter place: of the connection; once that is known, what is gathered does not count among `unread`.
    init(_ unread: UnreadBodies, of place: ConnectionPlace?) {
        self.unread = unread
        self.place = place
    }

    var isCounted: Bool { place?.isKnown != true }
    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) {
        let all = bytes.add(count, ordering: .relaxed).newValue
        let new = isCounted ? all : 0
        unread.add(new - counted.exchange(new, ordering: .relaxed))
    }
}

/// Bytes of bodies without a credential that wait for their readers, or are gathered by them.
final class UnreadBodies: Sendable {
    private let bytes = Atomic(0)

    var count: Int { bytes.load(ordering: .relaxed) }

    func add(_ count: Int) { bytes.add(count, ordering: .relaxed) }
}
