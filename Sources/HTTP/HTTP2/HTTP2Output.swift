import Transport

/// What one call of ``HTTP2Session/output(_:)`` has to send: frames whose bytes are put together, and between them long
/// parts of bodies as they were written, which are not copied.
struct HTTP2Output {
    private static let long = 8 << 10

    private var pieces: [ArraySlice<UInt8>] = []
    /// Behind the pieces.
    private var joined: [UInt8] = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// All of it in one piece.
    var bytes: [UInt8] { pieces.flatMap { $0 } + joined }

    /// Bytes of memory that are kept for the next output.
    private static let kept = 256

    mutating func removeAll() {
        pieces = []
        if joined.capacity <= Self.kept { joined.removeAll(keepingCapacity: true) } else { joined = [] }
        count = 0
    }

    mutating func append(_ bytes: some Collection<UInt8>) {
        joined += bytes
        count += bytes.count
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) {
        count += bytes.count
        guard bytes.count >= Self.long else { return joined += bytes }
        if !joined.isEmpty { pieces.append(joined[...]) }
        joined = []
        pieces.append(bytes)
    }

    func send(over transport: any ByteTransport, on loop: isolated EventLoop) {
        guard !pieces.isEmpty else { return transport.send(joined, on: loop) }
        transport.send(pieces: joined.isEmpty ? pieces : pieces + [joined[...]], on: loop)
    }
}
