import Glibc
import Primitives

/// Finds the address behind a request (`engines.md` 9, real IP), for HTTP and for the agent link alike.
package enum RealAddress {
    /// A header is configured, and the request came without it or with no address in it.
    package struct HeaderMissing: Error, Sendable, Equatable {
        package static let text = "real ip header not found"
    }

    /// The setting that stands for the socket's peer.
    package static let usePeer = "NZ::Use-Peer-IP"

    /// Whether `text` is an entry of `trusted_proxies`: an address or a range such as `10.0.0.0/8`.
    package static func isRange(_ text: String) -> Bool { IPRange(text) != nil }

    /// Whether a request must bring its address in a header: with this setting, `web_real_ip_header`.
    package static func isExpectedInHeader(_ setting: String) -> Bool {
        !setting.isEmpty && !setting.utf8.elementsEqual(usePeer.utf8)
    }

    /// Whether what the peer says of the request it passes on counts: always, until `trusted_proxies` names whose does
    /// (`mcp.md` 10.3 row 29).
    package static func isTrusted(peer: String?, trustedProxies: [String]) -> Bool {
        guard !trustedProxies.isEmpty else { return true }
        guard let peer = peer.flatMap({ IPAddress($0) }) else { return false }
        return trustedProxies.contains { IPRange($0)?.contains(peer) ?? false }
    }

    /// - Parameters:
    ///   - setting: `web_real_ip_header` or `agent_real_ip_header`.
    ///   - peer: the socket's peer without port.
    ///   - trustedProxies: addresses or ranges whose headers count; empty: everybody's.
    ///   - header: the value of a header by its name.
    /// - Returns: the address in canonical text; `nil` where it is not known. Then nothing is struck or bound.
    package static func resolve(
        setting: String, peer: String?, trustedProxies: [String], header: (_ name: String) -> String?
    ) throws(HeaderMissing) -> String? {
        let peer = peer.flatMap { IPAddress($0) }
        if setting == usePeer { return peer?.text }
        guard !setting.isEmpty else {
            // A proxy that nobody configured: its address would stand for everybody behind it.
            guard let peer, !IPRange.local.contains(where: { $0.contains(peer) }) else { return nil }
            return peer.text
        }
        let ranges = trustedProxies.compactMap { IPRange($0) }
        if !ranges.isEmpty {
            guard let peer, ranges.contains(where: { $0.contains(peer) }) else { return peer?.text }
        }
        let listed = (header(setting) ?? "").split(separator: ",").map { IPAddress($0.trimmingBlanks()) }
        // From the right: what the nearest proxy wrote. Behind it stand only claims of the proxy further out.
        guard let last = listed.last, var found = last else { throw HeaderMissing() }
        for address in listed.reversed() {
            guard let address else { break }
            found = address
            if !ranges.contains(where: { $0.contains(address) }) { break }
        }
        return found.text
    }
}

/// `10.0.0.0/8`, `fd00::/8`, or one address.
struct IPRange: Sendable {
    private let base: [UInt8]
    private let bits: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = parts.first.flatMap({ IPAddress($0.trimmingBlanks()) })?.bytes else { return nil }
        self.base = base
        if parts.count == 1 {
            bits = base.count * 8
        } else {
            guard let bits = Int(parts[1].trimmingBlanks()), 0...(base.count * 8) ~= bits else { return nil }
            self.bits = bits
        }
    }

    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.count else { return false }
        for position in 0..<base.count {
            let left = bits - position * 8
            guard left > 0 else { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
            guard address.bytes[position] & mask == base[position] & mask else { return false }
        }
        return true
    }

    /// Loopback, private and link-local addresses.
    static let local = [
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10",
        "::1", "fc00::/7", "fe80::/10",
    ].compactMap { IPRange($0) }
}
