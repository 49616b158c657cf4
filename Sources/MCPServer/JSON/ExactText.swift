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
        // The length settles most comparisons; the library's equality, which is a memory compare for ASCII, the rest.
        lhs.utf8.count == rhs.utf8.count && lhs == rhs && lhs.utf8.elementsEqual(rhs.utf8)
    }
}
