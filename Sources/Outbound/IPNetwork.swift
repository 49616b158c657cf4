package import Transport

/// A range of addresses such as `10.0.0.0/8` or `fd00::/8`; IPv4 and IPv6 never contain each other.
package struct IPNetwork: Sendable, Hashable {
    private let isIPv6: Bool
    /// Bits of the address; those of IPv4 are the last 32.
    private let base: UInt128
    private let mask: UInt128

    /// - Parameter text: an address, with the length of the prefix behind a slash; without one it is that address alone.
    package init?(_ text: String) {
        let text = text.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = text.first, let address = SocketAddress(String(decoding: first, as: UTF8.self), port: 0)
        else { return nil }
        let length = address.isIPv6 ? 128 : 32
        var bits = length
        if text.count == 2 {
            guard let given = Int(String(decoding: text[1], as: UTF8.self)), 0...length ~= given else { return nil }
            bits = given
        }
        isIPv6 = address.isIPv6
        // Shifts by all 128 bits give 0.
        mask = UInt128.max << UInt128(length - bits)
        base = address.bits & mask
    }

    /// Whether the address lies in it. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`) is IPv6 here.
    package func contains(_ address: SocketAddress) -> Bool {
        address.isIPv6 == isIPv6 && address.bits & mask == base
    }
}

extension SocketAddress {
    /// An IPv6 address as a number; an IPv4 one in its mapped form, whose first 96 bits are the same for all.
    fileprivate var bits: UInt128 { bytes.reduce(0) { $0 << 8 | UInt128($1) } }
}
