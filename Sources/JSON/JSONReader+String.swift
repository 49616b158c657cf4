/// Strings: the fast path copies them whole, escapes are put together in the scratch buffer.
extension JSONReader {
    /// Reads a string whose opening quote stands at `position`.
    mutating func readString() throws(JSONParseError) -> String {
        position += 1
        let start = position
        try skipPlain()
        if bytes[position] == UInt8(ascii: "\"") {
            let text = bytes.text(start..<position)
            position += 1
            return text
        }
        scratch.removeAll(keepingCapacity: true)
        var runStart = start
        while true {
            bytes.append(runStart..<position, to: &scratch)
            if bytes[position] == UInt8(ascii: "\"") { break }
            try readEscape()
            runStart = position
            try skipPlain()
        }
        position += 1
        return String(decoding: scratch, as: UTF8.self)
    }

    /// Stops at the next quote or backslash; everything before it is valid UTF-8 without control characters.
    private mutating func skipPlain() throws(JSONParseError) {
        while true {
            skipPlainWords()
            guard position < bytes.count else { throw .unexpectedEnd(offset: position) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            if byte < 0x20 { throw .controlCharacter(offset: position) }
            if byte < 0x80 {
                position += 1
            } else {
                position += try sequenceLength()
            }
        }
    }

    /// Eight bytes a step, while none of them is special.
    @inline(__always)
    private mutating func skipPlainWords() {
        position = JSONEscapes.plainASCIIWords(of: bytes, from: position)
    }

    /// The length of the multi-byte sequence at `position`, by the table of Unicode 3.9 (no overlong forms, no
    /// surrogates, nothing above U+10FFFF).
    private func sequenceLength() throws(JSONParseError) -> Int {
        let offset = position
        let lead = bytes[offset]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw .invalidUTF8(offset: offset)
        }
        guard offset + length <= bytes.count, second.contains(bytes[offset + 1]) else {
            throw .invalidUTF8(offset: offset)
        }
        var index = 2
        while index < length {
            guard bytes[offset + index] & 0xC0 == 0x80 else { throw .invalidUTF8(offset: offset) }
            index += 1
        }
        return length
    }

    /// Appends what the escape at `position` stands for.
    private mutating func readEscape() throws(JSONParseError) {
        let start = position
        guard start + 1 < bytes.count else { throw .unexpectedEnd(offset: bytes.count) }
        position += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): scratch.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): scratch.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): scratch.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): scratch.append(0x08)
        case UInt8(ascii: "f"): scratch.append(0x0C)
        case UInt8(ascii: "n"): scratch.append(0x0A)
        case UInt8(ascii: "r"): scratch.append(0x0D)
        case UInt8(ascii: "t"): scratch.append(0x09)
        case UInt8(ascii: "u"): try readUnicodeEscape(from: start)
        default: throw .invalidEscape(offset: start)
        }
    }

    private mutating func readUnicodeEscape(from start: Int) throws(JSONParseError) {
        let unit = try readHexUnit(from: start)
        var code = UInt32(unit)
        switch unit {
        case 0xDC00...0xDFFF: code = Self.replacement
        case 0xD800...0xDBFF:
            code = Self.replacement
            let after = position
            if position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try readHexUnit(from: after)
                if 0xDC00...0xDFFF ~= low {
                    code = 0x10000 + (UInt32(unit & 0x3FF) << 10) + UInt32(low & 0x3FF)
                } else {
                    // No pair: what follows stands for itself.
                    position = after
                }
            }
        default: break
        }
        appendUTF8(code)
    }

    /// What half a pair stands for. Clients cut texts in the middle of one; refusing the document would answer them
    /// without the id of their message.
    private static let replacement: UInt32 = 0xFFFD

    private mutating func readHexUnit(from start: Int) throws(JSONParseError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw .invalidEscape(offset: start) }
        var unit: UInt16 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch bytes[position] {
            case let byte where byte &- 0x30 < 10: digit = byte &- 0x30
            case let byte where (byte | 0x20) &- 0x61 < 6: digit = (byte | 0x20) &- 0x61 &+ 10
            default: throw .invalidEscape(offset: start)
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    private mutating func appendUTF8(_ code: UInt32) {
        switch code {
        case 0..<0x80:
            scratch.append(UInt8(code))
        case 0x80..<0x800:
            scratch.append(0xC0 | UInt8(code >> 6))
            scratch.append(0x80 | UInt8(code & 0x3F))
        case 0x800..<0x10000:
            scratch.append(0xE0 | UInt8(code >> 12))
            scratch.append(0x80 | UInt8(code >> 6 & 0x3F))
            scratch.append(0x80 | UInt8(code & 0x3F))
        default:
            scratch.append(0xF0 | UInt8(code >> 18))
            scratch.append(0x80 | UInt8(code >> 12 & 0x3F))
            scratch.append(0x80 | UInt8(code >> 6 & 0x3F))
            scratch.append(0x80 | UInt8(code & 0x3F))
        }
    }
}
