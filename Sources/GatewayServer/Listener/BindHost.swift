#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The address to bind for `listen_host`.
enum BindHost {
    /// - Parameter host: as configured; empty stands for every address, IPv6 included where the machine has it.
    static func resolve(_ host: String) -> String {
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard bare.isEmpty else { return bare }
        return hasIPv6 ? "::" : "0.0.0.0"
    }

    /// How a host is written before a `:port`.
    static func inURL(_ host: String) -> String {
        host.contains(":") ? "[\(host)]" : host
    }

    /// Containers often have IPv6 switched off, and binding `::` fails there.
    private static var hasIPv6: Bool {
        #if canImport(Darwin)
            let kind = SOCK_STREAM
        #else
            let kind = Int32(SOCK_STREAM.rawValue)
        #endif
        let descriptor = socket(AF_INET6, kind, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr = in6addr_any
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }
}
