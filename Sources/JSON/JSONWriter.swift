extension JSONValue {
    /// The value as compact UTF-8 JSON; numbers as they were written.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter()
        writer.write(self)
        return writer.finish()
    }

    /// The value as compact JSON text.
    package var text: String {
        var writer = JSONWriter()
        writer.write(self)
        return writer.finishText()
    }
}

/// Writes compact JSON with no more escapes than RFC 8259 demands.
package struct JSONWriter: ~Copyable {
    private var bytes: ByteBuilder

    /// - Parameter capacity: about how many bytes will come.
    package init(capacity: Int = 512) {
        bytes = ByteBuilder(capacity: capacity)
    }

    package var count: Int { bytes.count }

    /// Room for so many bytes more at once.
    package mutating func reserve(_ more: Int) { bytes.reserve(more) }

    /// What was written.
    package consuming func finish() -> [UInt8] { bytes.bytes }

    package consuming func finishText() -> String { bytes.text }

    // MARK: Values

    package mutating func write(_ value: JSONValue) {
        switch value {
        case .null: write(raw: "null")
        case .bool(true): write(raw: "true")
        case .bool(false): write(raw: "false")
        case .number(.integer(let number)): write(number)
        case .number(.literal(let literal)): write(raw: literal.text)
        case .string(let text): write(quoting: text)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            let elements = elements.span
            for position in elements.indices {
                if position > 0 { bytes.append(UInt8(ascii: ",")) }
                write(elements[position])
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            write(membersOf: object, afterOthers: false)
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// The members of an object that is open: `"key":value` and so on.
    package mutating func write(membersOf object: JSONObject, afterOthers: Bool) {
        var isFirst = !afterOthers
        let members = object.members.span
        for position in members.indices {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            write(quoting: members[position].key)
            bytes.append(UInt8(ascii: ":"))
            write(members[position].value)
        }
    }

    /// A string literal of the text.
    package mutating func write(quoting text: String) {
        LentBytes.lend(text) { write(quoting: $0) }
    }

    /// A string literal of the text whose UTF-8 these bytes are.
    package mutating func write(quoting text: [UInt8]) {
        LentBytes.lend(text) { write(quoting: $0) }
    }

    /// A string literal of what the other has written.
    package mutating func write(quoting other: borrowing JSONWriter) {
        LentBytes.lend(other.bytes) { write(quoting: $0) }
    }

    private mutating func write(quoting text: LentBytes) {
        bytes.reserve(text.count + text.count / 4 + 16)
        bytes.append(UInt8(ascii: "\""))
        var position = 0
        while true {
            position = bytes.appendPlain(of: text, from: position)
            guard position < text.count else { break }
            writeEscape(of: text[position])
            position += 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    // MARK: What is JSON already

    package mutating func write(raw text: String) {
        LentBytes.lend(text) { bytes.append($0, 0..<$0.count) }
    }

    /// What the other has written, as it is.
    package mutating func write(raw other: borrowing JSONWriter) {
        LentBytes.lend(other.bytes) { bytes.append($0, 0..<$0.count) }
    }

    private mutating func write(_ number: Int64) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        guard rest >= 10 else { return bytes.append(0x30 + UInt8(rest)) }
        // 20 digits at most, the last one first.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = digits.count
        while rest != 0 {
            first -= 1
            digits[first] = 0x30 + UInt8(rest % 10)
            rest /= 10
        }
        while first < digits.count {
            bytes.append(digits[first])
            first += 1
        }
    }

    private mutating func writeEscape(of byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0..<0x20:
            write(raw: "u00")
            bytes.append(Self.hexDigit(byte >> 4))
            bytes.append(Self.hexDigit(byte & 0xF))
        default: bytes.append(byte)
        }
    }

    private static func hexDigit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }
}

/// Which bytes of a text cannot stand in a JSON string as they are; asked by the writer and by the reader.
enum JSONEscapes {
    /// Where the bytes from `start` on stop to need no escape, stop to be ASCII, or at least among the last seven bytes;
    /// looked at eight at a time.
    @inline(__always)
    static func plainASCIIWords(of bytes: LentBytes, from start: Int) -> Int {
        var position = start
        while position <= bytes.count - 8 {
            let word = bytes.word(at: position)
            let marks = escapes(in: word) | word & highs
            if marks != 0 { return position + marks.trailingZeroBitCount / 8 }
            position += 8
        }
        return position
    }

    /// How many of the first bytes of a word, the lowest being the first, need no escape.
    @inline(__always)
    static func plainCount(ofWord word: UInt64) -> Int { escapes(in: word).trailingZeroBitCount / 8 }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// The high bit of the first of eight bytes that needs an escape is set, and no bit before it; those of later bytes
    /// may be set or not.
    @inline(__always)
    private static func escapes(in word: UInt64) -> UInt64 {
        // A borrow sets the high bit of a byte that was below what is taken from it, and may reach the byte after it.
        func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }
        let control = (word &- (ones &* 0x20)) & ~word
        let quote = zeros(word ^ (ones &* UInt64(UInt8(ascii: "\""))))
        let backslash = zeros(word ^ (ones &* UInt64(UInt8(ascii: "\\"))))
        return (control | quote | backslash) & highs
    }
}
