/// What scalars mean to an agent's configuration (YAML 1.1, with the tolerance of the reader it always had).
extension YAMLNode {
    /// Nothing: empty, `~` or `null`, quoted as well.
    package var isNull: Bool {
        guard let string else { return false }
        return ["", "~", "null", "Null", "NULL"].contains { $0.utf8.elementsEqual(string.utf8) }
    }

    /// In any letter case, quoted as well.
    package var bool: Bool? {
        guard let word = string?.utf8.map(lowercase) else { return nil }
        func isOne(of words: [String]) -> Bool { words.contains { $0.utf8.elementsEqual(word) } }
        if isOne(of: ["true", "yes", "on"]) { return true }
        return isOne(of: ["false", "no", "off"]) ? false : nil
    }

    /// Only plain ones: decimal, `0x`, `0o`, `0b`, octal after a 0, base 60 with colons; with sign and `_` between.
    package var int: Int? {
        guard let scalar, scalar.style == .plain || scalar.style == .any else { return nil }
        var digits = scalar.string.utf8.filter { $0 != UInt8(ascii: "_") }[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        let magnitude: Int?
        if digits.elementsEqual("0".utf8) {
            magnitude = 0
        } else if let (prefix, radix) = Self.prefixes.first(where: { digits.starts(with: $0.prefix.utf8) }) {
            magnitude = Self.whole(digits.dropFirst(prefix.utf8.count), radix: radix)
        } else if digits.contains(UInt8(ascii: ":")) {
            magnitude = Self.base60(digits)
        } else {
            magnitude = Self.whole(digits, radix: 10)
        }
        return magnitude.map { isNegative ? -$0 : $0 }
    }

    private static let prefixes: [(prefix: String, radix: Int)] = [("0x", 16), ("0b", 2), ("0o", 8), ("0", 8)]

    private static func whole(_ digits: ArraySlice<UInt8>, radix: Int) -> Int? {
        guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
        return Int(String(decoding: digits, as: UTF8.self), radix: radix)
    }

    private static func base60(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for part in digits.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            guard let digit = whole(part, radix: 10) else { return nil }
            let (shifted, overflowed) = value.multipliedReportingOverflow(by: 60)
            let (sum, overflowedAgain) = shifted.addingReportingOverflow(digit)
            guard !overflowed, !overflowedAgain else { return nil }
            value = sum
        }
        return value
    }

    private func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
