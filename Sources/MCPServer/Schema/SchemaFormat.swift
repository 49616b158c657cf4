import JSON
import Primitives

/// The values of `format` that are asserted. Every other value is an annotation, as the specification has it by default.
enum SchemaFormat: String, Sendable {
    /// RFC 3339 section 5.6.
    case dateTime = "date-time"
    /// RFC 9562: the hexadecimal form, whatever the version.
    case uuid
    /// RFC 2673 section 3.2: four decimal parts without leading zeros.
    case ipv4
    /// RFC 4291 section 2.2, without zone.
    case ipv6
    /// RFC 3986 section 3: with scheme.
    case uri

    func accepts(_ text: String) -> Bool {
        LentBytes.lend(text) { bytes in
            var scanner = FormatScanner(bytes)
            switch self {
            case .dateTime: return scanner.scanDateTime() && scanner.isAtEnd
            case .uuid: return scanner.scanUUID() && scanner.isAtEnd
            case .ipv4: return scanner.scanIPv4() && scanner.isAtEnd
            case .ipv6: return scanner.scanIPv6() && scanner.isAtEnd
            case .uri: return scanner.scanURI() && scanner.isAtEnd
            }
        }
    }
}

/// Reads the formats byte by byte; none of them has a character beyond ASCII.
struct FormatScanner {
    private let bytes: LentBytes
    private var position = 0

    init(_ bytes: LentBytes) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let peek, peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func takeLetter(_ character: Unicode.Scalar) -> Bool {
        guard let peek, peek | 0x20 == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// How many bytes in a row satisfy `predicate`, at most `limit`; they are passed.
    private mutating func skip(upTo limit: Int = .max, while predicate: (UInt8) -> Bool) -> Int {
        var count = 0
        while count < limit, let peek, predicate(peek) {
            position += 1
            count += 1
        }
        return count
    }

    /// A number of exactly so many digits.
    private mutating func number(digits: Int) -> Int? {
        var value = 0
        for _ in 0..<digits {
            guard let peek, Self.isDigit(peek) else { return nil }
            value = value * 10 + Int(peek - 0x30)
            position += 1
        }
        return value
    }
}

extension FormatScanner {
    mutating func scanDateTime() -> Bool {
        guard let year = number(digits: 4), take("-"), let month = number(digits: 2), take("-"),
            let day = number(digits: 2), 1...12 ~= month, 1...Self.days(in: month, of: year) ~= day,
            takeLetter("t"),
            let hour = number(digits: 2), take(":"), let minute = number(digits: 2), take(":"),
            let second = number(digits: 2), hour < 24, minute < 60, second <= 60
        else { return false }
        if take("."), skip(while: Self.isDigit) == 0 { return false }
        guard let offset = scanOffset() else { return false }
        if second == 60 {
            // A leap second is the last one of a day in UTC.
            return (hour * 60 + minute - offset + 2 * 1_440) % 1_440 == 1_439
        }
        return true
    }

    /// Minutes east of UTC.
    private mutating func scanOffset() -> Int? {
        if takeLetter("z") { return 0 }
        let isEast = peek == UInt8(ascii: "+")
        guard take("+") || take("-"), let hours = number(digits: 2), take(":"), let minutes = number(digits: 2),
            hours < 24, minutes < 60
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: return 30
        default: return 31
        }
    }

    mutating func scanUUID() -> Bool {
        for (index, length) in [8, 4, 4, 4, 12].enumerated() {
            if index > 0, !take("-") { return false }
            guard skip(upTo: length, while: HexDigit.isDigit) == length else { return false }
        }
        return true
    }

    mutating func scanIPv4() -> Bool {
        for part in 0..<4 {
            if part > 0, !take(".") { return false }
            let start = position
            let length = skip(upTo: 3, while: Self.isDigit)
            guard length > 0, length == 1 || bytes[start] != UInt8(ascii: "0") else { return false }
            var value = 0
            for offset in start..<position { value = value * 10 + Int(bytes[offset] - 0x30) }
            guard value <= 255 else { return false }
        }
        return true
    }

    mutating func scanIPv6() -> Bool {
        var groups = 0
        var isCompressed = false
        if take(":") {
            guard take(":") else { return false }
            isCompressed = true
        }
        while groups < 8 {
            let start = position
            guard skip(upTo: 4, while: HexDigit.isDigit) > 0 else {
                // Nothing may follow "::", but something must follow ":".
                return isCompressed && (groups == 0 || bytes[position - 2] == UInt8(ascii: ":")) && groups <= 7
            }
            if peek == UInt8(ascii: ".") {
                position = start
                guard scanIPv4() else { return false }
                groups += 2
                return isCompressed ? groups <= 7 : groups == 8
            }
            groups += 1
            guard take(":") else { break }
            if take(":") {
                guard !isCompressed else { return false }
                isCompressed = true
            } else if groups == 8 {
                return false
            }
        }
        return isCompressed ? groups <= 7 : groups == 8
    }

    mutating func scanURI() -> Bool {
        guard let first = peek, Self.isLetter(first) else { return false }
        _ = skip { Self.isLetter($0) || Self.isDigit($0) || "+-.".utf8.contains($0) }
        guard take(":") else { return false }
        if position + 1 < bytes.count, bytes[position] == 0x2F, bytes[position + 1] == 0x2F {
            position += 2
            guard scanAuthority() else { return false }
        }
        guard scanCharacters(besides: ":@/") else { return false }
        if take("?"), !scanCharacters(besides: ":@/?") { return false }
        if take("#"), !scanCharacters(besides: ":@/?") { return false }
        return true
    }

    private mutating func scanAuthority() -> Bool {
        let start = position
        // User information ends at the last place where "@" can stand; it has no "@" itself.
        guard scanCharacters(besides: ":") else { return false }
        if !take("@") { position = start }
        if take("[") {
            guard scanIPv6() || scanIPvFuture(), take("]") else { return false }
        } else {
            guard scanCharacters(besides: "") else { return false }
        }
        if take(":") { _ = skip(while: Self.isDigit) }
        return peek.map { "/?#".utf8.contains($0) } ?? true
    }

    private mutating func scanIPvFuture() -> Bool {
        guard takeLetter("v"), skip(while: HexDigit.isDigit) > 0, take(".") else { return false }
        return skip { $0 != UInt8(ascii: "%") && Self.isUnreserved($0) || $0 == UInt8(ascii: ":") } > 0
    }

    /// Passes unreserved characters, sub-delimiters, whole percent escapes and those of `extra`; `false` at a broken
    /// escape.
    private mutating func scanCharacters(besides extra: String) -> Bool {
        while let byte = peek {
            if byte == UInt8(ascii: "%") {
                position += 1
                guard skip(upTo: 2, while: HexDigit.isDigit) == 2 else { return false }
            } else if Self.isUnreserved(byte) || extra.utf8.contains(byte) {
                position += 1
            } else {
                break
            }
        }
        return true
    }

    /// Sub-delimiters included, since every place that takes the one takes the other.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || "-._~!$&'()*+,;=".utf8.contains(byte)
    }
}
