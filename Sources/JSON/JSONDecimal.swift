/// The exact value of a JSON number: a significand without trailing zeros, times a power of ten.
///
/// Zero is `0 × 10⁰`, so equal numbers are equal member by member. Nothing here grows with the exponent: `1e999999999`
/// costs what `1` costs.
package struct JSONDecimal: Hashable, Sendable {
    private(set) var isNegative = false
    /// The significand when it has at most 19 digits, which any `UInt64` of 19 digits holds; else 0.
    private(set) var significand: UInt64 = 0
    /// The decimal digits of a longer significand, first digit first; else empty.
    private(set) var digits: [UInt8] = []
    private(set) var exponent = 0

    private static let inlineDigits = 19

    init(_ value: Int64) {
        isNegative = value < 0
        significand = value.magnitude
        guard significand != 0 else { return }
        while significand % 10 == 0 {
            significand /= 10
            exponent += 1
        }
    }

    init(_ literal: JSONNumberLiteral) {
        var parser = DigitCollector()
        var explicitExponent = 0
        var exponentIsNegative = false
        var inFraction = false
        var inExponent = false
        for byte in literal.text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if inExponent {
                    // At most nine digits after leading zeros, by the grammar.
                    explicitExponent = explicitExponent * 10 + Int(byte - 0x30)
                } else {
                    parser.take(byte - 0x30)
                    if inFraction { exponent -= 1 }
                }
            case UInt8(ascii: "."): inFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"): inExponent = true
            case UInt8(ascii: "-"):
                if inExponent { exponentIsNegative = true } else { isNegative = true }
            default: break
            }
        }
        guard parser.count > 0 else {
            self = JSONDecimal(0)
            return
        }
        significand = parser.significand
        digits = parser.digits
        exponent += parser.pendingZeros + (exponentIsNegative ? -explicitExponent : explicitExponent)
    }

    /// Gathers significant digits; zeros wait until a later digit shows that they are not trailing.
    private struct DigitCollector {
        var significand: UInt64 = 0
        var digits: [UInt8] = []
        var count = 0
        var pendingZeros = 0

        mutating func take(_ digit: UInt8) {
            if digit == 0 {
                if count > 0 { pendingZeros += 1 }
                return
            }
            while pendingZeros > 0 {
                append(0)
                pendingZeros -= 1
            }
            append(digit)
        }

        private mutating func append(_ digit: UInt8) {
            if count < JSONDecimal.inlineDigits {
                significand = significand * 10 + UInt64(digit)
            } else {
                if digits.isEmpty {
                    digits = JSONDecimal.digits(of: significand)
                    significand = 0
                }
                digits.append(digit)
            }
            count += 1
        }
    }

    private static func digits(of value: UInt64) -> [UInt8] {
        String(value).utf8.map { $0 - 0x30 }
    }
}

extension JSONDecimal {
    var isZero: Bool { significand == 0 && digits.isEmpty }

    /// Trailing zeros are in the exponent, so a negative one means a fraction.
    var isInteger: Bool { exponent >= 0 }

    var int64: Int64? {
        guard let magnitude else { return nil }
        if !isNegative { return Int64(exactly: magnitude) }
        return magnitude == 1 << 63 ? .min : Int64(exactly: magnitude).map { -$0 }
    }

    var uint64: UInt64? { isNegative ? nil : magnitude }

    private var magnitude: UInt64? {
        // More than 19 digits without trailing zeros: up to 20 digits can still fit.
        var value: UInt64 = significand
        for digit in digits {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            if overflow || carry { return nil }
            value = sum
        }
        guard exponent >= 0, exponent < 20 else { return nil }
        for _ in 0..<exponent {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            value = product
        }
        return value
    }

    /// Whether `self / divisor` is whole. The divisor must not be zero and must have at most 19 significant digits;
    /// ``hasShortSignificand`` tells, and the schema compiler asks.
    package func isMultiple(of divisor: JSONDecimal) -> Bool {
        if isZero { return true }
        let shift = exponent - divisor.exponent
        // Our significand does not end in zero, so ten does not divide it.
        guard shift >= 0, divisor.significand != 0 else { return false }
        let modulus = divisor.significand
        var remainder = significand % modulus
        for digit in digits {
            remainder = Self.multiply(remainder, 10 % modulus, modulo: modulus)
            let (sum, carry) = remainder.addingReportingOverflow(UInt64(digit) % modulus)
            remainder = carry || sum >= modulus ? sum &- modulus : sum
        }
        return Self.multiply(remainder, Self.powerOfTen(shift, modulo: modulus), modulo: modulus) == 0
    }

    package var hasShortSignificand: Bool { digits.isEmpty }

    private static func multiply(_ lhs: UInt64, _ rhs: UInt64, modulo modulus: UInt64) -> UInt64 {
        // Both factors are below the modulus, so the high word is too, and the division cannot overflow.
        modulus.dividingFullWidth(lhs.multipliedFullWidth(by: rhs)).remainder
    }

    private static func powerOfTen(_ power: Int, modulo modulus: UInt64) -> UInt64 {
        var result = 1 % modulus
        var base = 10 % modulus
        var remaining = power
        while remaining > 0 {
            if remaining & 1 == 1 { result = multiply(result, base, modulo: modulus) }
            base = multiply(base, base, modulo: modulus)
            remaining >>= 1
        }
        return result
    }
}

extension JSONDecimal: Comparable {
    package static func < (lhs: JSONDecimal, rhs: JSONDecimal) -> Bool {
        if lhs.isZero || rhs.isZero || lhs.isNegative != rhs.isNegative {
            return lhs.sign < rhs.sign
        }
        return lhs.isNegative ? rhs.isCloserToZero(than: lhs) : lhs.isCloserToZero(than: rhs)
    }

    private var sign: Int { isZero ? 0 : isNegative ? -1 : 1 }

    /// Compares magnitudes; neither is zero.
    private func isCloserToZero(than other: JSONDecimal) -> Bool {
        let digitCount = self.digitCount
        let otherCount = other.digitCount
        let order = digitCount + exponent
        let otherOrder = otherCount + other.exponent
        if order != otherOrder { return order < otherOrder }
        if digits.isEmpty, other.digits.isEmpty {
            // Brought to the same length, at most 19 digits each.
            let left = significand * Self.smallPowerOfTen(max(0, otherCount - digitCount))
            let right = other.significand * Self.smallPowerOfTen(max(0, digitCount - otherCount))
            return left < right
        }
        // Same order of magnitude: the digits compare as text does, and a prefix is the smaller one.
        return allDigits.lexicographicallyPrecedes(other.allDigits)
    }

    private var allDigits: [UInt8] { digits.isEmpty ? Self.digits(of: significand) : digits }

    private var digitCount: Int {
        guard digits.isEmpty else { return digits.count }
        var count = 1
        var rest = significand
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }

    private static func smallPowerOfTen(_ power: Int) -> UInt64 {
        var result: UInt64 = 1
        for _ in 0..<power { result *= 10 }
        return result
    }
}
