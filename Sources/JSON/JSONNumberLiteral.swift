/// The text of a number that obeys the JSON grammar, with an exponent of at most nine digits.
///
/// The bound on the exponent lets every comparison be exact in ordinary integers.
package struct JSONNumberLiteral: Sendable {
    package let text: String

    /// `nil` when `text` is no JSON number.
    package init?(_ text: String) {
        switch LentBytes.lend(text, { JSONNumberGrammar.scan($0, from: 0) }) {
        case .integer(_, let end), .literal(let end):
            guard end == text.utf8.count else { return nil }
        case .malformed, .exponentTooLarge: return nil
        }
        self.text = text
    }

    /// For text that was just produced by the grammar or by the standard library's number printing.
    init(unchecked text: String) {
        self.text = text
    }
}

/// The grammar of RFC 8259 section 6.
enum JSONNumberGrammar {
    enum Outcome {
        /// Digits only, and the value fits.
        case integer(Int64, end: Int)
        case literal(end: Int)
        /// The number cannot go on at this offset, and may not stop there either.
        case malformed(at: Int)
        case exponentTooLarge(at: Int)
    }

    /// The most digits of an exponent, leading zeros aside.
    static let maximumExponentDigits = 9

    /// Reads the longest number that starts at `start`.
    static func scan(_ bytes: LentBytes, from start: Int) -> Outcome {
        let count = bytes.count
        var position = start
        let isNegative = position < count && bytes[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        guard position < count, isDigit(bytes[position]) else { return .malformed(at: position) }

        // Accumulated as a negative number, whose range includes Int64.min.
        var value: Int64 = 0
        var fits = true
        if bytes[position] == UInt8(ascii: "0") {
            position += 1
            if position < count, isDigit(bytes[position]) { return .malformed(at: position) }
        } else {
            while position < count, isDigit(bytes[position]) {
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, borrow) = product.subtractingReportingOverflow(Int64(bytes[position] &- 0x30))
                if overflow || borrow { fits = false }
                value = sum
                position += 1
            }
        }

        var isPlain = true
        if position < count, bytes[position] == UInt8(ascii: ".") {
            isPlain = false
            position += 1
            guard position < count, isDigit(bytes[position]) else { return .malformed(at: position) }
            while position < count, isDigit(bytes[position]) { position += 1 }
        }
        if position < count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isPlain = false
            position += 1
            if position < count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard position < count, isDigit(bytes[position]) else { return .malformed(at: position) }
            while position < count, bytes[position] == UInt8(ascii: "0") { position += 1 }
            let firstDigit = position
            while position < count, isDigit(bytes[position]) { position += 1 }
            if position - firstDigit > maximumExponentDigits { return .exponentTooLarge(at: firstDigit) }
        }

        guard isPlain, fits else { return .literal(end: position) }
        if isNegative {
            // As an integer, "-0" would lose its sign when echoed.
            return value == 0 ? .literal(end: position) : .integer(value, end: position)
        }
        // The magnitude of Int64.min does not fit.
        return value == .min ? .literal(end: position) : .integer(-value, end: position)
    }

    @inline(__always)
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
}
