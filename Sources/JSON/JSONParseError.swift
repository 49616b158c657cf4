/// Why a text is not acceptable JSON, and at which byte.
package enum JSONParseError: Error, Sendable, Hashable {
    case unexpectedEnd(offset: Int)
    case unexpectedByte(UInt8, offset: Int)
    case byteOrderMark
    case trailingBytes(offset: Int)
    case tooDeep(limit: Int, offset: Int)
    case tooManyValues(limit: Int, offset: Int)
    case duplicateKey(String, offset: Int)
    case nameTooLong(limit: Int, offset: Int)
    case malformedNumber(offset: Int)
    case numberTooLong(limit: Int, offset: Int)
    case exponentTooLarge(offset: Int)
    case invalidEscape(offset: Int)
    case controlCharacter(offset: Int)
    case invalidUTF8(offset: Int)
}

extension JSONParseError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unexpectedEnd(let offset): "unexpected end of input at byte \(offset)"
        case .unexpectedByte(let byte, let offset): "unexpected \(Self.name(of: byte)) at byte \(offset)"
        case .byteOrderMark: "byte order mark at byte 0"
        case .trailingBytes(let offset): "trailing bytes after the value at byte \(offset)"
        case .tooDeep(let limit, let offset): "nesting deeper than \(limit) levels at byte \(offset)"
        case .tooManyValues(let limit, let offset): "more than \(limit) values at byte \(offset)"
        case .duplicateKey(let key, let offset): "duplicate key \(Self.quoted(key)) at byte \(offset)"
        case .nameTooLong(let limit, let offset): "member name longer than \(limit) bytes at byte \(offset)"
        case .malformedNumber(let offset): "malformed number at byte \(offset)"
        case .numberTooLong(let limit, let offset): "number longer than \(limit) characters at byte \(offset)"
        case .exponentTooLarge(let offset): "exponent too large at byte \(offset)"
        case .invalidEscape(let offset): "invalid escape at byte \(offset)"
        case .controlCharacter(let offset): "control character in a string at byte \(offset)"
        case .invalidUTF8(let offset): "invalid UTF-8 at byte \(offset)"
        }
    }

    private static func name(of byte: UInt8) -> String {
        if byte > 0x20, byte < 0x7F { return "'\(Character(UnicodeScalar(byte)))'" }
        let digits = String(byte, radix: 16, uppercase: true)
        return "byte 0x" + (digits.count < 2 ? "0" : "") + digits
    }

    /// The key as JSON, cut where a hostile one would flood the answer.
    private static func quoted(_ key: String) -> String {
        let scalars = key.unicodeScalars
        guard scalars.count > 64 else { return JSONValue.string(key).text }
        return JSONValue.string(String(String.UnicodeScalarView(scalars.prefix(64))) + "…").text
    }
}
