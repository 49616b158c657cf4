import Primitives

/// Host and port of a request (RFC 9110 7.2, RFC 3986 3.2), as bytes.
enum Authority {
    /// Whether bytes are `uri-host [":" port]`: a name, an IPv4 address or an IPv6 one in brackets; nobody's user name.
    /// - Parameter allowsEmpty: a `Host` field may be empty; a target of `http` or `:authority` has a host.
    static func isValid(_ bytes: some Collection<UInt8>, allowsEmpty: Bool = false) -> Bool {
        guard let first = bytes.first else { return allowsEmpty }
        if first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
            return isAddress(bytes[bytes.index(after: bytes.startIndex)..<end])
                && isPort(bytes[bytes.index(after: end)...])
        }
        let colon = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
        return colon != bytes.startIndex && isName(bytes[..<colon]) && isPort(bytes[colon...])
    }

    /// Nothing, a colon alone, or a colon and a number of a port.
    private static func isPort(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first else { return true }
        guard first == UInt8(ascii: ":"), bytes.count <= 6 else { return false }
        var port = 0
        for byte in bytes.dropFirst() {
            guard byte &- 0x30 < 10 else { return false }
            port = port * 10 + Int(byte - 0x30)
        }
        return port <= 65535
    }

    /// An IPv6 address, without a zone.
    private static func isAddress(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count <= 45, bytes.contains(UInt8(ascii: ":")), !bytes.contains(UInt8(ascii: "%")) else {
            return false
        }
        return IPAddress(String(decoding: bytes, as: UTF8.self)) != nil
    }

    private static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        var digitsDue = 0
        for byte in bytes {
            if digitsDue > 0 {
                guard HexDigit.isDigit(byte) else { return false }
                digitsDue -= 1
            } else if byte == UInt8(ascii: "%") {
                digitsDue = 2
            } else if !isNameCharacter(byte) {
                return false
            }
        }
        return digitsDue == 0
    }

    /// Unreserved characters and sub-delims (RFC 3986 2.2, 2.3).
    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "!"),
            UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
