import DomainNames
import Primitives

extension GatewaySettings {
    /// Whether the host is one of the gateway's own or reserved: no tunnel may claim it (`engines.md` 8).
    /// - Parameter host: as in `Host`, perhaps with a port; letter case and a dot at the end do not matter, and an address
    ///   counts in whatever form it is written, as does a name that is not ASCII.
    package func reserves(host: String) -> Bool {
        let wanted = HostText(host)
        if wanted.text.isEmpty { return false }
        let reserved = reservedHosts.split(separator: ",").map { String($0) }
        let hosts = ["localhost", installHost, dashboardHost, listenHost] + reserved
        return hosts.contains { HostText($0.trimmingBlanks()) == wanted }
    }
}

/// A host without its port, in a form that compares.
package struct HostText: Sendable, Hashable {
    package let text: String

    package init(_ authority: some StringProtocol) {
        var bytes = Array(authority.utf8)[...]
        if bytes.first == UInt8(ascii: "["), let end = bytes.firstIndex(of: UInt8(ascii: "]")) {
            bytes = bytes[bytes.index(after: bytes.startIndex)..<end]
        } else if bytes.count(where: { $0 == UInt8(ascii: ":") }) == 1 {
            bytes = bytes.prefix { $0 != UInt8(ascii: ":") }
        }
        if bytes.last == UInt8(ascii: ".") { bytes = bytes.dropLast() }
        let lower = String(decoding: bytes.asciiLowercased, as: UTF8.self)
        text = IPAddress(lower)?.text ?? Self.ascii(lower)
    }

    /// What is no name compares as it is.
    private static func ascii(_ host: String) -> String {
        guard !host.utf8.allSatisfy({ $0 < 0x80 }), let name = try? DomainName.ascii(host) else { return host }
        return name
    }

    package static func == (left: HostText, right: HostText) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
}
