/// Bytes that wait to be sent on a stream, kept as they were written: none is moved until it is put into a frame.
struct HTTP2Outbox {
    /// Shorter ones are joined, so that many small writes don't become as many small arrays.
    private static let joinedUpTo = 4 << 10

    /// The first, of which `offset` bytes are sent; most streams have no other.
    private var first: [UInt8] = []
    private var offset = 0
    private var rest: ArraySlice<[UInt8]> = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        if isEmpty {
            first = bytes
        } else if rest.isEmpty {
            if first.count + bytes.count <= Self.joinedUpTo { first += bytes } else { rest.append(bytes) }
        } else if rest[rest.endIndex - 1].count + bytes.count <= Self.joinedUpTo {
            rest[rest.endIndex - 1] += bytes
        } else {
            rest.append(bytes)
        }
        count += bytes.count
    }

    /// Moves the first bytes to the end of `output`, at most ``count``.
    mutating func move(_ length: Int, to output: inout HTTP2Output) {
        var left = min(length, count)
        count -= left
        while left > 0 {
            let step = min(left, first.count - offset)
            output.append(first[offset..<offset + step])
            left -= step
            offset += step
            guard offset == first.count else { return }
            first = rest.popFirst() ?? []
            offset = 0
            if rest.isEmpty { rest = [] }
        }
    }
}
