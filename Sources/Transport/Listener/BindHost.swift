import CLinux
import Glibc

/// The address to bind for a configured host.
package enum BindHost {
    /// - Parameter host: as configured; empty stands for every address, IPv6 included where the machine has it. An IPv6
    ///   address may be in brackets.
    package static func resolve(_ host: String) -> String {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard bare.isEmpty else { return bare }
        return hasIPv6 ? "::" : "0.0.0.0"
    }

    /// How a host is written before a `:port`.
    package static func inURL(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    /// Containers often have IPv6 switched off, and binding `::` fails there.
    private static var hasIPv6: Bool {
        guard let everything = SocketAddress("::", port: 0) else { return false }
        let descriptor = socket(AF_INET6, linux_sock_stream | linux_sock_cloexec, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return unsafe everything.withSocketAddress { unsafe bind(descriptor, $0, $1) == 0 }
    }
}
