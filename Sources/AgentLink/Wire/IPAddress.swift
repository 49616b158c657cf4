import Glibc

/// An IP address in canonical text: what rate limits, allow lists and reports compare.
package struct IPAddress: Hashable, Sendable {
    package enum Family: Sendable {
        case ipv4
        case ipv6
    }

    package let family: Family
    /// Dotted decimal, or IPv6 in its shortest form, without zone.
    package let text: String

    /// - Parameter text: an address alone; an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`), which is how a socket
    ///   bound to `::` shows IPv4 peers (`one-port.md`), becomes the IPv4 one.
    package init?(_ text: some StringProtocol) {
        // Bytes, since peers write it: no character rules, and nothing behind a NUL that C would not see.
        let address = text.utf8.prefix(65).prefix { $0 != UInt8(ascii: "%") }
        guard address.count <= 64, !address.contains(0) else { return nil }
        let name = String(decoding: address, as: UTF8.self)
        if let canonical = Self.canonical(name, AF_INET, length: 4) {
            self.init(family: .ipv4, text: canonical.text)
            return
        }
        guard let canonical = Self.canonical(name, AF_INET6, length: 16) else { return nil }
        let bytes = canonical.bytes
        if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF {
            self.init(family: .ipv4, text: bytes[12...].map(String.init).joined(separator: "."))
        } else {
            self.init(family: .ipv6, text: canonical.text)
        }
    }

    private init(family: Family, text: String) {
        self.family = family
        self.text = text
    }

    private static func canonical(_ text: String, _ family: Int32, length: Int) -> (bytes: [UInt8], text: String)? {
        var bytes = [UInt8](repeating: 0, count: length)
        guard unsafe inet_pton(family, text, &bytes) == 1 else { return nil }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(family, bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        let end = buffer.firstIndex(of: 0) ?? buffer.endIndex
        return (bytes, String(decoding: buffer[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
}
