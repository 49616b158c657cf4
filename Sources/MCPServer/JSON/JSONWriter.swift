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
struct JSONWriter: ~Copyable {
    private var bytes: ByteBuilder

    /// - Parameter capacity: about how many bytes will come.
    init(capacity: Int = 512) {
        bytes = ByteBuilder(capacity: capacity)
    }

    var count: Int { bytes.count }

    /// Room for so many bytes more at once.
    mutating func reserve(_ more: Int) { bytes.reserve(more) }

    /// What was written.
    consuming func finish() -> [UInt8] { bytes.bytes }

    consuming func finishText() -> String { bytes.text }

    // MARK: Values

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: write(raw: "null")
        case .bool(true): write(raw: "true")
        case .bool(false): write(raw: "false")
        case .number(.integer(let number)): write(number)
        case .number(.literal(let literal)): write(raw: literal.text)
        case .string(let text): write(quoting: text)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                write(element)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            write(membersOf: object, afterOthers: false)
            bytes.append(UInt8(ascii: "}"))
        }
    }

    /// The members of an object that is open: `"key":value` and so on.
    mutating func write(membersOf object: JSONObject, afterOthers: Bool) {
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
    mutating func write(quoting text: String) {
        LentBytes.lend(text) { write(quoting: $0) }
    }

    /// A string literal of the text whose UTF-8 these bytes are.
    mutating func write(quoting text: [UInt8]) {
        LentBytes.lend(text) { write(quoting: $0) }
    }

    private mutating func write(quoting text: LentBytes) {
        bytes.reserve(text.count + text.count / 4 + 2)
        bytes.append(UInt8(ascii: "\""))
        var position = 0
        while position < text.count {
            let end = JSONEscapes.plainPrefix(of: text, from: position)
            bytes.append(text, position..<end)
            guard end < text.count else { break }
            writeEscape(of: text[end])
            position = end + 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    // MARK: What is JSON already

    mutating func write(raw text: String) {
        LentBytes.lend(text) { bytes.append($0, 0..<$0.count) }
    }

    mutating func write(raw document: [UInt8]) {
        LentBytes.lend(document) { bytes.append($0, 0..<$0.count) }
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
    /// Where the bytes from `start` on stop to need no escape; looked at eight at a time.
    static func plainPrefix(of bytes: LentBytes, from start: Int) -> Int {
        var position = start
        while position <= bytes.count - 8 {
            let marks = escapes(in: bytes.word(at: position))
            if marks != 0 { return position + marks.trailingZeroBitCount / 8 }
            position += 8
        }
        while position < bytes.count, !needsEscape(bytes[position]) { position += 1 }
        return position
    }

    /// As ``plainPrefix(of:from:)``, but stops also at what is not ASCII, and before the last seven bytes.
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

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

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
