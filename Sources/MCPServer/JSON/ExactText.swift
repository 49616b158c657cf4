/// A text that equals another only where their UTF-8 is the same.
///
/// `String` calls "é" written as one scalar and as two equal; JSON (RFC 8259 section 8.3) and JSON Schema do not.
struct ExactText: Hashable, Sendable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (lhs: ExactText, rhs: ExactText) -> Bool {
        areEqual(lhs.text, rhs.text)
    }

    func hash(into hasher: inout Hasher) {
        let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable { bytes in
            hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        if isHashed == nil {
            for byte in text.utf8 { hasher.combine(byte) }
        }
        hasher.combine(0xFF as UInt8)
    }

    static func areEqual(_ lhs: String, _ rhs: String) -> Bool {
        guard lhs.utf8.count == rhs.utf8.count else { return false }
        let areSame = lhs.utf8.withContiguousStorageIfAvailable { left in
            rhs.utf8.withContiguousStorageIfAvailable { right in haveSameBytes(left, right) }
        }
        return areSame.flatMap(\.self) ?? lhs.utf8.elementsEqual(rhs.utf8)
    }

    /// Compares buffers of one length. Written out, as this decides every look-up of a member.
    private static func haveSameBytes(_ lhs: UnsafeBufferPointer<UInt8>, _ rhs: UnsafeBufferPointer<UInt8>) -> Bool {
        let left = UnsafeRawBufferPointer(lhs)
        let right = UnsafeRawBufferPointer(rhs)
        var position = 0
        while position + 8 <= left.count {
            let word = left.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            guard word == right.loadUnaligned(fromByteOffset: position, as: UInt64.self) else { return false }
            position += 8
        }
        while position < left.count {
            guard left[position] == right[position] else { return false }
            position += 1
        }
        return true
    }
}
