import NIOCore

extension SocketAddress {
    /// The address without port; an IPv4 client of a socket bound to `::` as IPv4, because rate limits, allow-lists
    /// and audit compare these texts.
    var peerText: String? {
        guard let text = ipAddress else { return nil }
        let mapped = "::ffff:"
        guard self.protocol == .inet6, text.hasPrefix(mapped) else {
            // A link-local address carries its interface, which is no part of who sends.
            return String(text.prefix { $0 != "%" })
        }
        let rest = text.dropFirst(mapped.count)
        return rest.contains(".") ? String(rest) : text
    }
}
