/// A JSON number: what was written, so that it can be echoed, and its exact mathematical value.
///
/// Equality and hashing are mathematical (`1 == 1.0 == 10e-1`), as JSON Schema demands of `enum`, `const` and
/// `uniqueItems`. Compare ``text`` where the spelling matters.
package enum JSONNumber: Sendable {
    /// A whole number that fits 64 bits, written without fraction or exponent.
    case integer(Int64)
    /// Any other number, as written.
    case literal(JSONNumberLiteral)
}

extension JSONNumber {
    /// The shortest text that reads back as `value`; `nil` for NaN and the infinities, which JSON cannot say.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        // Negative zero keeps its sign, so it needs its text; other small whole numbers do not.
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53, whole != 0 || value.sign == .plus {
            self = .integer(whole)
        } else {
            self = .literal(JSONNumberLiteral(unchecked: value.description))
        }
    }

    /// A whole number of any built-in width.
    package init(_ value: some BinaryInteger) {
        if let small = Int64(exactly: value) {
            self = .integer(small)
        } else {
            self = .literal(JSONNumberLiteral(unchecked: String(value)))
        }
    }

    /// The number that `text` spells; `nil` when it is no JSON number.
    package init?(text: String) {
        guard let literal = JSONNumberLiteral(text) else { return nil }
        // "-0" is a whole number, but as an integer it would lose its sign when echoed.
        if let whole = Int64(text), whole != 0 || text == "0" {
            self = .integer(whole)
        } else {
            self = .literal(literal)
        }
    }

    /// The number as it was written, or as it would be.
    package var text: String {
        switch self {
        case .integer(let value): String(value)
        case .literal(let literal): literal.text
        }
    }

    /// The value, where it is mathematically whole and fits: `3`, `3.0`, `3e0`, `1e3`.
    package var int64: Int64? {
        switch self {
        case .integer(let value): return value
        case .literal: return decimal.int64
        }
    }

    /// The value, where it is mathematically whole, not negative, and fits.
    package var uint64: UInt64? {
        switch self {
        case .integer(let value): return UInt64(exactly: value)
        case .literal: return decimal.uint64
        }
    }

    /// The nearest `Double`; infinite when the number is beyond its range.
    package var double: Double {
        switch self {
        case .integer(let value): return Double(value)
        // A literal is a JSON number, which is a subset of what Double reads; NaN is unreachable.
        case .literal(let literal): return Double(literal.text) ?? .nan
        }
    }

    /// Whether the number is mathematically whole; also true of `1e400`.
    package var isInteger: Bool {
        switch self {
        case .integer: return true
        case .literal: return decimal.isInteger
        }
    }

    /// The exact value.
    package var decimal: JSONDecimal {
        switch self {
        case .integer(let value): return JSONDecimal(value)
        case .literal(let literal): return JSONDecimal(literal)
        }
    }
}

extension JSONNumber: Hashable {
    package static func == (lhs: JSONNumber, rhs: JSONNumber) -> Bool {
        switch (lhs, rhs) {
        case (.integer(let lhs), .integer(let rhs)): return lhs == rhs
        case (.literal(let lhs), .literal(let rhs)) where lhs.text == rhs.text: return true
        default: return lhs.decimal == rhs.decimal
        }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(decimal)
    }
}

extension JSONNumber: Comparable {
    /// Exact, whatever the number of digits.
    package static func < (lhs: JSONNumber, rhs: JSONNumber) -> Bool {
        if case .integer(let lhs) = lhs, case .integer(let rhs) = rhs { return lhs < rhs }
        return lhs.decimal < rhs.decimal
    }
}
