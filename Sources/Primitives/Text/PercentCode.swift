/// Percent-encoding (RFC 3986 2.1): `%` and two hexadecimal digits stand for a byte.
package enum PercentCode {
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// - Parameter isKept: bytes that stand for themselves; by default the unreserved characters (RFC 3986 2.3).
    package static func encode(_ text: String, keeping isKept: (UInt8) -> Bool = isUnreserved) -> String {
        encode(text, blank: nil, isKept)
    }

    /// As it stands in the query of a URL or in a form (`application/x-www-form-urlencoded`): a blank is `+`.
    package static func form(_ text: String) -> String { encode(text, blank: UInt8(ascii: "+"), isUnreserved) }

    /// Names and values as a form, or as what stands behind the `?` of a URL, in the order given.
    package static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\(form($0.0))=\(form($0.1))" }.joined(separator: "&")
    }

    private static func encode(_ text: String, blank: UInt8?, _ isKept: (UInt8) -> Bool) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if let blank, byte == UInt8(ascii: " ") {
                bytes.append(blank)
            } else if isKept(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    package static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }

    /// - Returns: `nil` for a `%` without two digits behind it.
    package static func decode(_ text: some Sequence<UInt8>, plusIsBlank: Bool = false) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                continue
            }
            guard let high = rest.next().flatMap(HexDigit.value), let low = rest.next().flatMap(HexDigit.value) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// As ``decode(_:plusIsBlank:)``; what is no code stays as it is.
    package static func decodeLeniently(_ text: ArraySlice<UInt8>, plusIsBlank: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(HexDigit.value),
                let low = rest.dropFirst().first.flatMap(HexDigit.value)
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsBlank && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return bytes
    }
}
