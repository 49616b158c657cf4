// Inlinable, because fields of every request pass through them.

extension UInt8 {
    /// A small letter for a capital one of ASCII, all else as it is.
    @inlinable package var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}

extension Sequence<UInt8> {
    /// With small letters for the capital ones of ASCII, all else as it is.
    @inlinable package var asciiLowercased: [UInt8] { map { $0.asciiLowercased } }
}

/// Digits of base 16 in ASCII.
package enum HexDigit {
    /// Whether it is a digit, of either case.
    @inlinable package static func isDigit(_ byte: UInt8) -> Bool {
        byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 6
    }

    /// Of a digit of either case; `nil` for anything else.
    @inlinable package static func value(_ digit: UInt8) -> UInt8? {
        guard isDigit(digit) else { return nil }
        return digit &- 0x30 < 10 ? digit - 0x30 : (digit | 0x20) - 0x61 + 10
    }
}
