/// A text that equals another only where their UTF-8 is the same.
///
/// `String` calls "é" written as one scalar and as two equal; JSON (RFC 8259 section 8.3) and JSON Schema do not.
package struct ExactText: Hashable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (lhs: ExactText, rhs: ExactText) -> Bool {
        areEqual(lhs.text, rhs.text)
    }

    package func hash(into hasher: inout Hasher) {
        LentBytes.lend(text) { bytes in
            var position = 0
            while position <= bytes.count - 8 {
                hasher.combine(bytes.word(at: position))
                position += 8
            }
            // A mark before them tells one zero byte from two.
            var rest: UInt64 = 1
            while position < bytes.count {
                rest = rest << 8 | UInt64(bytes[position])
                position += 1
            }
            hasher.combine(rest)
        }
    }

    /// Compared byte by byte.
    @inline(__always)
    package static func areEqual(_ lhs: String, _ rhs: String) -> Bool {
        // Mostly the lengths differ already, and short texts, which lie in the value itself, are the same in memory.
        lhs.utf8.count == rhs.utf8.count && (areSameInMemory(lhs, rhs) || areEqualBytes(lhs, rhs))
    }

    /// Whether both are one value, and so one text; equal texts need not be.
    @inline(__always)
    private static func areSameInMemory(_ lhs: String, _ rhs: String) -> Bool {
        unsafe withUnsafeBytes(of: lhs) { lhs in
            unsafe withUnsafeBytes(of: rhs) { rhs in
                for start in stride(from: 0, to: lhs.count, by: MemoryLayout<Int>.size) {
                    let left = unsafe lhs.load(fromByteOffset: start, as: Int.self)
                    guard unsafe left == rhs.load(fromByteOffset: start, as: Int.self) else { return false }
                }
                return true
            }
        }
    }

    @inline(never)
    private static func areEqualBytes(_ lhs: String, _ rhs: String) -> Bool {
        LentBytes.lend(lhs) { left in LentBytes.lend(rhs) { right in left.isSame(as: right) } }
    }
}
