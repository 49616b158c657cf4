import Glibc

/// An IP address: what rate limits, block lists, allow lists and reports compare.
package struct IPAddress: Hashable, Sendable {
    package enum Family: Sendable {
        case ipv4
        case ipv6
    }

    /// 4 or 16, in network order.
    package let bytes: [UInt8]

    package var family: Family { bytes.count == 4 ? .ipv4 : .ipv6 }

    /// - Parameter text: an address alone, with or without a zone, which is dropped. An IPv4-mapped one becomes IPv4.
    package init?(_ text: some StringProtocol) {
        // Bytes, since peers write it: no character rules, and nothing behind a NUL that C would not see.
        let address = Substring(text).utf8.prefix(65).prefix { $0 != UInt8(ascii: "%") }
        guard address.count <= 64, !address.contains(0) else { return nil }
        let name = String(decoding: address, as: UTF8.self)
        guard let bytes = Self.parse(name, AF_INET, length: 4) ?? Self.parse(name, AF_INET6, length: 16) else {
            return nil
        }
        self.init(bytes: bytes)
    }

    /// - Parameter bytes: 4 or 16, in network order. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`), which is how a
    ///   socket bound to `::` shows IPv4 peers, becomes the IPv4 one.
    package init?(bytes: [UInt8]) {
        switch bytes.count {
        case 4: self.bytes = bytes
        case 16:
            let mapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
            self.bytes = mapped ? Array(bytes[12...]) : bytes
        default: return nil
        }
    }

    /// Dotted decimal, or IPv6 in its shortest form, without zone.
    package var text: String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard unsafe inet_ntop(AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func parse(_ text: String, _ family: Int32, length: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: length)
        return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
