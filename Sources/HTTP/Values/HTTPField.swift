import Primitives

/// One header or trailer field: a name and a value.
///
/// The value is always legal (RFC 9110 5.5): bytes other than 09, 20, 21-7E and 80-FF become a space, and white space
/// at its ends is taken off. So whatever text gets into a field, it cannot end the field and begin another one
/// (response splitting).
package struct HTTPField: Sendable, Hashable {
    package var name: Name
    private var legal: String

    package var value: String {
        get { legal }
        set { legal = Self.legalized(newValue) }
    }

    package init(name: Name, value: String) {
        self.name = name
        legal = Self.legalized(value)
    }

    /// - Parameter value: bytes that are read as UTF-8; what is none becomes U+FFFD.
    package init(name: Name, value: some Collection<UInt8>) {
        self.init(name: name, value: String(decoding: value, as: UTF8.self))
    }

    /// A value that the caller has found legal: only 09, 20-7E and 80-FF, no white space at its ends.
    init(name: Name, legalValue: String) {
        self.name = name
        legal = legalValue
    }

    /// Whether a value stays as it is.
    package static func isValidValue(_ value: String) -> Bool {
        var view = value
        return view.withUTF8 { bytes in
            guard let first = unsafe bytes.first, let last = unsafe bytes.last else { return true }
            return unsafe !isSpace(first) && !isSpace(last) && bytes.allSatisfy(isLegal)
        }
    }

    /// Whether the value is ASCII alone.
    package var isASCII: Bool {
        let bytes = legal.utf8.span
        return unsafe bytes.withUnsafeBytes { bytes in
            var seen: UInt64 = 0
            var position = 0
            while position + 8 <= bytes.count {
                unsafe seen |= bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                position += 8
            }
            while position < bytes.count {
                unsafe seen |= UInt64(bytes[position])
                position += 1
            }
            return seen & 0x8080_8080_8080_8080 == 0
        }
    }

    static func legalized(_ value: String) -> String {
        if isValidValue(value) { return value }
        var bytes = value.utf8.map { isLegal($0) ? $0 : 0x20 }[...]
        while let first = bytes.first, isSpace(first) { bytes.removeFirst() }
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isLegal(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
}

extension HTTPField: CustomStringConvertible {
    package var description: String { "\(name): \(value)" }
}

extension HTTPField {
    /// The name of a field: a token (RFC 9110 5.6.2). Equal in any case of its letters; on the wire it keeps the
    /// spelling that it was made with.
    package struct Name: Sendable {
        package let rawName: String
        /// In lower case.
        package let canonicalName: String
        /// Of a well-known name; 0 for all others.
        private let number: UInt16

        /// - Returns: `nil` for what is no token.
        package init?(_ name: String) {
            guard Token.isValid(name.utf8) else { return nil }
            self.init(token: name)
        }

        /// A name that is known to be a token, of ASCII characters therefore: a constant of the program.
        package init(token name: String) {
            rawName = name
            if let known = Self.numbered(name) {
                (canonicalName, number) = (known.canonicalName, known.number)
            } else {
                (canonicalName, number) = (Self.lowercased(name), 0)
            }
        }

        init(_ number: UInt16, _ name: String) {
            rawName = name
            canonicalName = Self.lowercased(name)
            self.number = number
        }

        var inLowerCase: Name { Name(number, canonicalName) }

        private static func lowercased(_ name: String) -> String {
            guard name.utf8.contains(where: { $0 &- 0x41 < 26 }) else { return name }
            return String(decoding: name.utf8.asciiLowercased, as: UTF8.self)
        }
    }
}

extension HTTPField.Name: Hashable {
    package static func == (a: Self, b: Self) -> Bool {
        // Tokens are ASCII, so that equal texts are equal bytes.
        a.number == b.number && (a.number != 0 || a.canonicalName == b.canonicalName)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(canonicalName) }
}

extension HTTPField.Name: CustomStringConvertible {
    package var description: String { rawName }
}

/// Tokens of HTTP (RFC 9110 5.6.2): methods, names of fields, transfer codings.
enum Token {
    static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(isCharacter)
    }

    static func isCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// Whether bytes are this word, in any case of their ASCII letters.
    /// - Parameter word: in lower case.
    static func matches(_ bytes: some Sequence<UInt8>, _ word: StaticString) -> Bool {
        var rest = bytes.makeIterator()
        for position in 0..<word.utf8CodeUnitCount {
            guard let byte = rest.next(), unsafe byte.asciiLowercased == word.utf8Start[position] else { return false }
        }
        return rest.next() == nil
    }

    /// Whether a comma-separated list, spread over any number of values, has the word, in any case.
    static func contains(_ word: StaticString, in values: [String]) -> Bool {
        values.contains { value in
            value.utf8.split(separator: UInt8(ascii: ",")).contains { matches($0.trimmingBlanks(), word) }
        }
    }
}
