import CIDN2

/// Domain names as the DNS knows them: ASCII alone (IDNA 2008 with the mapping of UTS 46), in lower case.
package enum DomainName {
    /// `bücher.example` → `xn--bcher-kva.example`. Dots at the end stay; empty labels pass.
    /// - Throws: ``DomainNameError`` for what no host name may hold, and for more than ``longest`` bytes.
    package static func ascii(_ name: String) throws(DomainNameError) -> String {
        guard name.utf8.count <= longest else { throw .badLabel("…") }
        // The other dots of UTS 46 are dots as well.
        let labels = name.unicodeScalars.split(omittingEmptySubsequences: false) { dots.contains($0) }
        var mapped: [String] = []
        for label in labels { mapped.append(try ascii(label: label)) }
        return mapped.joined(separator: ".")
    }

    /// Four times what the DNS takes: a name that is longer is not worth to be mapped.
    static let longest = 1024

    private static let dots: Set<Unicode.Scalar> = [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"]

    private static func ascii(label: Substring.UnicodeScalarView.SubSequence) throws(DomainNameError) -> String {
        for scalar in label where scalar.isASCII && !isHostCharacter(scalar) { throw .disallowed(scalar) }
        let text = String(label).asciiLowercased
        let isPlain = label.allSatisfy(\.isASCII) && !text.utf8.starts(with: "xn--".utf8)
        if text.utf8.first == UInt8(ascii: "-") || text.utf8.last == UInt8(ascii: "-") { throw .badLabel(text) }
        return isPlain ? text : try looked(up: text)
    }

    private static func isHostCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-": true
        default: false
        }
    }

    private static func looked(up label: String) throws(DomainNameError) -> String {
        // A label that is written in ASCII already must be the one that its own name makes.
        if label.utf8.allSatisfy({ $0 < 0x80 }) {
            try check(encoded: label)
            return label
        }
        guard let encoded = encoded(label) else { throw .badLabel(label) }
        return encoded
    }

    private static func encoded(_ label: String) -> String? {
        var output: UnsafeMutablePointer<CChar>?
        let flags = Int32(IDN2_NONTRANSITIONAL.rawValue | IDN2_USE_STD3_ASCII_RULES.rawValue)
        let code = unsafe idn2_to_ascii_8z(label, &output, flags)
        defer { unsafe idn2_free(output) }
        guard code == IDN2_OK.rawValue, let output = unsafe output else { return nil }
        return unsafe String(cString: output)
    }

    /// Whether `xn--…` stands for a label that may be looked up.
    private static func check(encoded label: String) throws(DomainNameError) {
        var output: UnsafeMutablePointer<CChar>?
        let code = unsafe idn2_to_unicode_8z8z(label, &output, 0)
        defer { unsafe idn2_free(output) }
        guard code == IDN2_OK.rawValue, let output = unsafe output else { throw .badLabel(label) }
        let shown = unsafe String(cString: output)
        guard let again = encoded(shown), again.utf8.elementsEqual(label.utf8) else { throw .badLabel(shown) }
    }
}

/// Why a text is no domain name.
package enum DomainNameError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A character that no host name has.
    case disallowed(Unicode.Scalar)
    /// Such as one that begins with a hyphen.
    case badLabel(String)

    package var description: String {
        switch self {
        case .disallowed(let scalar):
            let digits = String(scalar.value, radix: 16, uppercase: true)
            return "idna: disallowed rune U+\(String(repeating: "0", count: max(0, 4 - digits.utf8.count)))\(digits)"
        case .badLabel(let label): return "idna: invalid label \"\(label)\""
        }
    }
}

extension String {
    fileprivate var asciiLowercased: String {
        String(
            String.UnicodeScalarView(
                unicodeScalars.map { "A"..."Z" ~= $0 ? Unicode.Scalar(UInt8($0.value) | 0x20) : $0 }))
    }
}
