/// Bytes in at the end and out at the front, each moved about once.
package struct ByteQueue: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    package init() {}

    package var count: Int { bytes.count - start }
    package var isEmpty: Bool { count == 0 }
    package subscript(offset: Int) -> UInt8 { bytes[start + offset] }

    /// The first bytes, at most `count` of them.
    package func prefix(_ count: Int) -> ArraySlice<UInt8> { bytes[start...].prefix(count) }

    package mutating func append(_ more: Span<UInt8>) {
        compact()
        bytes.append(more)
    }

    package mutating func removeFirst(_ count: Int) {
        start += count
        if isEmpty { (bytes, start) = ([], 0) }
    }

    private mutating func compact() {
        guard start > bytes.count / 2 else { return }
        bytes.removeSubrange(..<start)
        start = 0
    }
}

extension [UInt8] {
    package mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
