import HTTP
import Transport

/// Messages on the wire: a byte that says whether it is compressed, four of length, the message.
enum GRPCFraming {
    static let prefixLength = 5
    /// A message that is shorter is written together with what goes before it; a longer one is not copied.
    static let short = 4 << 10

    /// - Returns: nil for a message of 4 GiB or more.
    static func length(_ count: Int) -> UInt32? { UInt32(exactly: count) }

    /// What goes before a message.
    static func appendPrefix(length: UInt32, to bytes: inout [UInt8]) {
        bytes.append(0)
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }
}

/// A message of less than 4 GiB as it goes over the wire, made once for what is sent again and again.
package struct GRPCFrame: Sendable {
    let bytes: [UInt8]

    package init(_ message: [UInt8]) {
        var bytes: [UInt8] = []
        GRPCFraming.appendPrefix(length: UInt32(message.count), to: &bytes)
        self.bytes = bytes + message
    }
}

extension HTTP2Stream {
    /// Writes a message with what goes before it on the wire.
    /// - Parameters:
    ///   - length: that of both parts.
    ///   - head: the beginning of the message.
    func write(_ length: UInt32, _ head: [UInt8], _ message: [UInt8], on loop: isolated EventLoop) {
        let isJoined = message.count <= GRPCFraming.short
        var first: [UInt8] = []
        first.reserveCapacity(GRPCFraming.prefixLength + head.count + (isJoined ? message.count : 0))
        GRPCFraming.appendPrefix(length: length, to: &first)
        first += head
        if isJoined { first += message }
        write(first, on: loop)
        if !isJoined { write(message, on: loop) }
    }
}

/// Cuts messages out of a stream of bytes. Each byte is copied into its message; what was not asked for yet stays in the
/// pieces that it came in, short ones joined.
struct GRPCDeframer {
    /// The largest message that is taken; a longer one is refused as soon as its length is known.
    var maximumMessage: Int

    private var pieces = PieceQueue()
    /// The flag and the length, as far as they were taken.
    private var prefix: UInt64 = 0
    private var prefixCount = 0
    /// The message in the making, and its whole length.
    private var message: [UInt8] = []
    private var length: Int?
    private var taken = 0

    init(maximumMessage: Int) {
        self.maximumMessage = maximumMessage
    }

    /// Nothing is left of a message, neither taken nor waiting.
    var isEmpty: Bool { pieces.count == 0 && prefixCount == 0 }

    /// Bytes that are held here.
    var heldBytes: Int { pieces.count + prefixCount + message.count }

    mutating func append(_ bytes: [UInt8]) { pieces.append(bytes) }

    /// How many bytes were taken since the last time: so many the peer may send again.
    mutating func takeConsumed() -> Int {
        defer { taken = 0 }
        return taken
    }

    /// Forgets everything; what waited counts as taken.
    mutating func removeAll() {
        taken += pieces.count
        pieces = PieceQueue()
        reset()
    }

    /// - Returns: the next message, nil when it is not whole yet.
    /// - Throws: unimplemented for a compressed message, internal for flags that do not exist, resource exhausted above
    ///   ``maximumMessage``. Nothing more can be read then.
    mutating func next() throws(GRPCStatus) -> [UInt8]? {
        while prefixCount < GRPCFraming.prefixLength {
            guard let byte = pieces.takeFirst() else { return nil }
            taken += 1
            prefix = prefix << 8 | UInt64(byte)
            prefixCount += 1
        }
        let length: Int
        if let known = self.length {
            length = known
        } else {
            length = try checkedLength()
            self.length = length
            // Trusts the peer with so much memory before it came; the rest grows with what comes.
            message.reserveCapacity(min(length, 64 << 10))
        }
        while message.count < length {
            let part = pieces.first(length - message.count)
            guard !part.isEmpty else { return nil }
            grow(by: part.count, to: length)
            message += part
            pieces.removeFirst(part.count)
            taken += part.count
        }
        defer { reset() }
        return message
    }

    private func checkedLength() throws(GRPCStatus) -> Int {
        switch prefix >> 32 {
        case 0: break
        case 1: throw GRPCStatus(.unimplemented, "compressed messages are not supported")
        default: throw GRPCStatus(.internalError, "the message has unknown flags")
        }
        let length = Int(UInt32(truncatingIfNeeded: prefix))
        guard length <= maximumMessage else {
            throw GRPCStatus(.resourceExhausted, "message larger than \(maximumMessage) bytes")
        }
        return length
    }

    /// Eight times as much each time, but never more than the whole: what came is copied once at most in a piece of a
    /// transfer, and a peer has memory kept for it that is in proportion to what it has sent.
    private mutating func grow(by count: Int, to length: Int) {
        guard message.count + count > message.capacity else { return }
        message.reserveCapacity(min(length, max(message.count + count, message.capacity * 8)))
    }

    private mutating func reset() {
        (prefix, prefixCount) = (0, 0)
        message = []
        length = nil
    }
}

/// Pieces of a stream in the arrays that they came in. A piece is let go with its last byte.
private struct PieceQueue {
    /// Shorter ones are joined: each array takes more than a byte that it holds.
    private static let joinedUpTo = 4 << 10

    private var pieces: [[UInt8]] = []
    private var head = 0
    /// How much of the first piece was taken.
    private var offset = 0
    private(set) var count = 0

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if head < pieces.count, pieces[pieces.count - 1].count + bytes.count <= Self.joinedUpTo {
            pieces[pieces.count - 1] += bytes
        } else {
            pieces.append(bytes)
        }
        count += bytes.count
    }

    /// What the first piece has, up to `limit` bytes; nothing when there is none.
    func first(_ limit: Int) -> ArraySlice<UInt8> {
        guard head < pieces.count else { return [] }
        return pieces[head][offset...].prefix(limit)
    }

    mutating func takeFirst() -> UInt8? {
        guard head < pieces.count else { return nil }
        let byte = pieces[head][offset]
        removeFirst(1)
        return byte
    }

    /// At most what is left of the first piece.
    mutating func removeFirst(_ number: Int) {
        offset += number
        count -= number
        guard offset == pieces[head].count else { return }
        pieces[head] = []
        offset = 0
        head += 1
        if head == pieces.count {
            pieces.removeAll(keepingCapacity: head <= 16)
            head = 0
        } else if head >= 32, head * 2 > pieces.count {
            pieces.removeSubrange(..<head)
            head = 0
        }
    }
}
