import Transport

/// One request while it is being answered, and what came of its body.
final class HTTP1Exchange {
    enum Body {
        case open
        case ended
        /// It cannot be read to its end any more.
        case broken
    }

    /// What ``ListenerLimits/unreadBody`` and one read more bring.
    private static let longBody = 320 << 10

    let head: HTTP1Head
    /// It shows something, valid or not, and the entry looks at that before it takes the body: of such a request nothing
    /// waits for long.
    let showsCredential: Bool
    private(set) var body: Body
    /// Bytes of the body that wait for their reader.
    private var waiting: [UInt8] = []
    private(set) var readerWaits = false
    private let changed = LoopSignal()
    private let unread: UnreadBodies
    let gathered: GatheredBytes
    var pace: BodyPace
    /// The client waits for `100 Continue` before it sends the body.
    var awaitsContinue: Bool
    /// Bytes of the body that may still come although nobody wants them; `nil` as long as somebody may.
    private(set) var toSkip: Int?
    /// Whether another request may follow; known when the answer begins.
    var keepsAlive = true
    /// Bytes of a streamed answer.
    var written: Int64 = 0

    /// - Parameter place: of the connection.
    init(_ head: HTTP1Head, pace: BodyPace, unread: UnreadBodies, of place: ConnectionPlace?) {
        self.head = head
        self.pace = pace
        self.unread = unread
        showsCredential = head.request.headerFields.showCredential
        gathered = GatheredBytes(unread, of: place)
        body = head.length == .fixed(0) ? .ended : .open
        awaitsContinue = head.expectsContinue
    }

    deinit { count(-waiting.count) }

    var waitingBytes: Int { waiting.count }

    /// - Returns: whether that many may still come.
    func receive(_ bytes: Span<UInt8>) -> Bool {
        pace.add(bytes.count)
        // What is being sent already is not asked for any more.
        awaitsContinue = false
        if let left = toSkip {
            toSkip = left - bytes.count
            return bytes.count <= left
        }
        if waiting.isEmpty, case .fixed(let length) = head.length, length > Int64(Self.longBody) {
            // Of a long body more comes in the same turn: no piece of it is moved to make room for the next.
            waiting.reserveCapacity(Self.longBody)
        }
        waiting.append(bytes)
        count(bytes.count)
        changed.wake()
        return true
    }

    func end(_ state: Body) {
        guard case .open = body else { return }
        body = state
        changed.wake()
    }

    /// The next bytes, all that have come; `nil` at the end.
    /// - Parameter waits: called before and after it waits for more.
    func next(waits: () -> Void, on loop: isolated EventLoop) async throws -> [UInt8]? {
        if mustWait {
            try Task.checkCancellation()
            readerWaits = true
            waits()
            defer { readerWaits = false }
            try await changed.wait(on: loop) { mustWait }
        }
        if !waiting.isEmpty {
            defer { waits() }
            return takeWaiting()
        }
        guard body == .ended else { throw RequestBody.Failure.broken }
        return nil
    }

    private var mustWait: Bool { waiting.isEmpty && body == .open && toSkip == nil }

    /// What waits, when nothing follows it: what ``next(waits:on:)`` would return before it returns `nil`.
    func takeWhole() -> [UInt8]? {
        guard case .ended = body, toSkip == nil else { return nil }
        return takeWaiting()
    }

    /// The request is answered: nobody reads its body any more.
    func skipRest(upTo limit: Int) -> Bool {
        let left = limit - takeWaiting().count
        toSkip = max(left, 0)
        changed.wake()
        return left >= 0
    }

    private func takeWaiting() -> [UInt8] {
        count(-waiting.count)
        defer { waiting = [] }
        return waiting
    }

    private func count(_ bytes: Int) {
        if bytes != 0, !showsCredential { unread.add(bytes) }
    }
}
