import CNghttp2

/// Counts what a peer sends that costs the sender little and the receiver something, and says when it is too much.
///
/// Frames that carry nothing and resets come at a rate that no client needs; one that has shown an agent's secret may
/// PING, send SETTINGS and open windows as it likes (grpc-go does for the data that it receives).
struct HTTP2FloodGuard: Sendable {
    /// Tokens that come back with time.
    struct Bucket: Sendable {
        private var spent = 0
        private var last: UInt64 = 0

        /// Takes tokens out.
        /// - Returns: whether there were as many.
        mutating func take(_ count: Int, of capacity: Int, perSecond: Int, at now: UInt64) -> Bool {
            // Thousandths, so that no part of a second is lost.
            let elapsed = Int(clamping: min(now &- last, 3_600_000))
            if now > last { last = now }
            spent = max(0, spent - elapsed * perSecond) + count * 1000
            return spent <= capacity * 1000
        }

        mutating func giveBack(_ count: Int) { spent = max(0, spent - count * 1000) }
    }

    /// Control frames at once and a second, before a credential and with one of the web.
    static let control = (before: (capacity: 200, perSecond: 10), web: (capacity: 2000, perSecond: 100))
    /// Streams ended by the peer that the server was still working for: 200 in half a minute.
    static let resets = (capacity: 200, perSecond: 7)
    /// Bytes of fields, as they come and as they are decoded, before a credential.
    static let fields = (capacity: 16 << 20, perSecond: 8 << 20)
    /// Bytes of one message's fields as they come; far above what is stored of it.
    static let block = 256 << 10
    /// Frames that go on with one message's fields; a block has room for more than fit into them.
    static let continuations = 8
    /// Frames that our own one excuses: windows opened for it, its stream given up.
    static let excused = 2

    var trust = HTTP2Trust.none
    /// Off at a client's end: its server is free to do as it likes.
    private let policesPeer: Bool
    /// The peer is a client that has shown no credential.
    var isOfStranger: Bool { policesPeer && trust == .none }
    private var control = Bucket()
    private var resets = Bucket()
    private var fields = Bucket()
    private var block = 0
    private var continuations = 0

    init(policesPeer: Bool) {
        self.policesPeer = policesPeer
    }

    /// A frame begins.
    /// - Returns: whether the connection may go on, as do the others.
    mutating func received(_ frame: nghttp2_frame_hd, at now: UInt64) -> Bool {
        switch nghttp2_frame_type(UInt32(frame.type)) {
        case NGHTTP2_DATA: return frame.length > 0 || frame.endsStream || countControl(at: now)
        case NGHTTP2_HEADERS:
            block = frame.length
            continuations = 0
            return block <= Self.block && decoded(frame.length, at: now)
        case NGHTTP2_CONTINUATION:
            block += frame.length
            continuations += 1
            return continuations <= Self.continuations && block <= Self.block && decoded(frame.length, at: now)
                && countControl(at: now)
        default: return countControl(at: now)
        }
    }

    /// Fields were decoded, whether they are kept or not.
    mutating func decoded(_ bytes: Int, at now: UInt64) -> Bool {
        guard isOfStranger else { return true }
        return fields.take(bytes, of: Self.fields.capacity, perSecond: Self.fields.perSecond, at: now)
    }

    /// A stream ended, or never began, by the peer's doing while it was not answered.
    mutating func countReset(at now: UInt64) -> Bool {
        guard policesPeer else { return true }
        return resets.take(1, of: Self.resets.capacity, perSecond: Self.resets.perSecond, at: now)
    }

    /// We sent HEADERS or DATA.
    mutating func sent() { control.giveBack(Self.excused) }

    /// A frame that carries nothing.
    mutating func countControl(at now: UInt64) -> Bool {
        guard policesPeer, trust < .agent else { return true }
        let limit = trust == .none ? Self.control.before : Self.control.web
        return control.take(1, of: limit.capacity, perSecond: limit.perSecond, at: now)
    }
}
