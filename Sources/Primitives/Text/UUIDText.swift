/// UUIDs as text (RFC 9562 4).
package enum UUIDText {
    /// Whether it is 8-4-4-4-12 hexadecimal digits of either case.
    package static func isValid(_ text: String) -> Bool {
        guard text.utf8.count == 36 else { return false }
        return text.utf8.enumerated().allSatisfy { position, byte in
            switch position {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: HexDigit.isDigit(byte)
            }
        }
    }
}
