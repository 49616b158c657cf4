/// Bytes that wait to be sent on a stream, kept as they were written: none is moved until it is put into a frame.
struct HTTP2Outbox {
    /// Shorter ones are joined, so that many small writes don't become as many small arrays.
    private static let joinedUpTo = 4 << 10

    private var chunks: [[UInt8]] = []
    /// How many of `chunks` are sent, and how much of the first that is not.
    private var sent = 0
    private var offset = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        count += bytes.count
        if sent < chunks.count, chunks[chunks.count - 1].count + bytes.count <= Self.joinedUpTo {
            chunks[chunks.count - 1] += bytes
        } else {
            chunks.append(bytes)
        }
    }

    /// Moves the first bytes to the end of `output`; `length` must not be more than ``count``.
    mutating func move(_ length: Int, to output: inout [UInt8]) {
        var left = min(length, count)
        count -= left
        while left > 0 {
            let step = min(left, chunks[sent].count - offset)
            output += chunks[sent][offset..<offset + step]
            left -= step
            offset += step
            guard offset == chunks[sent].count else { break }
            chunks[sent] = []
            sent += 1
            offset = 0
        }
        if sent == chunks.count {
            chunks.removeAll()
            sent = 0
        } else if sent >= 32 {
            chunks.removeFirst(sent)
            sent = 0
        }
    }
}
