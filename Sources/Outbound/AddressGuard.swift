package import Transport

/// Which addresses outgoing requests may reach (`engines.md` 5): those of the public internet, and what the configuration
/// opens besides.
package struct AddressGuard: Sendable {
    private let allowed: [IPNetwork]

    /// - Parameter allowed: networks that are reached although they are not public (`notification_allow_private`).
    package init(allowing allowed: [IPNetwork] = []) { self.allowed = allowed }

    /// For targets that the operator has named, not a user: everything may be reached.
    package static let everywhere = AddressGuard(allowing: networks("0.0.0.0/0", "::/0"))

    /// Whether a connection to the address may be opened.
    package func permits(_ address: SocketAddress) -> Bool {
        allowed.contains { $0.contains(address) } || Self.isPublic(address)
    }

    /// Whether the address is one that anybody in the internet can reach.
    static func isPublic(_ address: SocketAddress) -> Bool {
        if address.isIPv6, !globalUnicast.contains(address) { return false }
        return !reserved.contains { $0.contains(address) }
    }

    /// All IPv6 addresses that are given to anybody (RFC 4291). What translates to IPv4 lies outside, but for some ranges
    /// of the list below.
    private static let globalUnicast = networks("2000::/3")[0]

    /// The registries of special addresses (RFC 6890 and its followers), and what belongs to nobody.
    private static let reserved = networks(
        "0.0.0.0/8",  // this network
        "10.0.0.0/8",  // private
        "100.64.0.0/10",  // shared by customers of a provider
        "127.0.0.0/8",  // loopback
        "169.254.0.0/16",  // link-local, metadata of clouds
        "172.16.0.0/12",  // private
        "192.0.0.0/24",  // protocol assignments
        "192.0.2.0/24",  // documentation
        "192.31.196.0/24",  // AS112
        "192.52.193.0/24",  // AMT
        "192.88.99.0/24",  // 6to4 relays
        "192.168.0.0/16",  // private
        "192.175.48.0/24",  // AS112
        "198.18.0.0/15",  // benchmarks
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",  // documentation
        "224.0.0.0/4",  // multicast
        "240.0.0.0/4",  // reserved, broadcast
        "2001::/23",  // protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  // documentation
        "2002::/16",  // 6to4: an IPv4 address inside
        "3fff::/20"  // documentation
    )

    private static func networks(_ texts: String...) -> [IPNetwork] {
        texts.map { text in
            // Only the literals above come here: a mistyped one must not leave a hole in the list.
            guard let network = IPNetwork(text) else { preconditionFailure("no network: \(text)") }
            return network
        }
    }
}
