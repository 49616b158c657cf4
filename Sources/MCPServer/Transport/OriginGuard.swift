import Primitives
package import Settings

/// Refuses browsers that were sent here by another site (`mcp.md` 2; `security.md`, DNS rebinding).
///
/// Programs send no `Origin` and pass. A browser passes only from this very host, or from an origin on the allow list.
/// Where hosts are listed, every request must have asked for one of them, or for a loopback name.
package struct OriginGuard: Sendable {
    /// Whether the gateway listens on a loopback address only; then even the same host must be a loopback name.
    private let isLoopbackDeployment: Bool
    private let allowed: Set<String>
    /// Lower case, without brackets; `nil` = any.
    private let hosts: Set<String>?

    /// The guard that the settings ask for; what pages of the public URL ask is no less our own than the same host.
    package init(_ settings: GatewaySettings, hosts: Bool = true) {
        let own = settings.publicURL
        let names = hosts ? settings.mcpAllowedHosts : []
        let ownHost = Self.split(origin: own).map { [$0.host] } ?? []
        self.init(
            listenHost: settings.listenHost, allowedOrigins: settings.mcpAllowedOrigins + (own.isEmpty ? [] : [own]),
            allowedHosts: names.isEmpty ? [] : names + ownHost)
    }

    /// Whether a text is an origin such as `https://nezha.example:8443`, without anything behind it.
    package static func isOrigin(_ text: String) -> Bool { split(origin: text) != nil }

    /// Whether the operator has listed this origin by name.
    package func lists(origin: String) -> Bool {
        guard let given = Self.split(origin: String(origin.trimmingBlanks())) else { return false }
        return allowed.contains("\(given.scheme)://\(given.host):\(given.port)")
    }

    /// - Parameters:
    ///   - listenHost: setting `listen_host`.
    ///   - allowedOrigins: setting `mcp_allowed_origins`, such as `https://tools.example`.
    ///   - allowedHosts: setting `mcp_allowed_hosts`, such as `nezha.example`; the port of a request does not count.
    package init(listenHost: String, allowedOrigins: [String], allowedHosts: [String] = []) {
        isLoopbackDeployment = Self.isLoopback(Self.unbracketed(listenHost))
        allowed = Set(allowedOrigins.compactMap { Self.normalised(origin: $0) })
        hosts = allowedHosts.isEmpty ? nil : Set(allowedHosts.map(Self.unbracketed))
    }

    /// Whether a text is good for the list of hosts: a name or an address, without scheme, port or path.
    package static func isHost(_ text: String) -> Bool {
        let host = unbracketed(text)
        let isIPv6 = host.utf8.count { $0 == UInt8(ascii: ":") } > 1
        return !host.isEmpty
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: isIPv6 && byte == UInt8(ascii: ":")
                }
            }
    }

    /// - Parameters:
    ///   - origin: the `Origin` header; `nil` or blank when there is none.
    ///   - authority: the request's `Host`.
    package func allows(origin: String?, authority: String?) -> Bool {
        guard isHostAllowed(authority) else { return false }
        guard let origin = origin?.trimmingBlanks(), !origin.isEmpty else { return true }
        guard let given = Self.split(origin: String(origin)) else { return false }
        if allowed.contains("\(given.scheme)://\(given.host):\(given.port)") { return true }
        guard let authority, let own = Self.split(authority: authority, defaultPort: given.defaultPort) else {
            return false
        }
        guard given.host == own.host, given.port == own.port else { return false }
        // A host that the operator has listed is no surprise of the DNS.
        return hosts != nil || !isLoopbackDeployment || Self.isLoopback(own.host)
    }

    private func isHostAllowed(_ authority: String?) -> Bool {
        guard let hosts else { return true }
        guard let authority, let own = Self.split(authority: authority, defaultPort: 80) else { return false }
        return hosts.contains(own.host) || Self.isLoopback(own.host)
    }

    private struct Place {
        var scheme = ""
        /// Lower case, without brackets.
        var host: String
        var port: Int
        var defaultPort: Int { scheme == "https" ? 443 : 80 }
    }

    private static func normalised(origin: String) -> String? {
        split(origin: origin).map { "\($0.scheme)://\($0.host):\($0.port)" }
    }

    /// Longer ones than any browser sends are none, and so are those that are no ASCII: comparing them could take long.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= 512 && text.utf8.allSatisfy { $0 < 0x80 }
    }

    private static func split(origin: String) -> Place? {
        guard isPlain(origin) else { return nil }
        let lower = origin.lowercased()
        guard let scheme = ["http", "https"].first(where: { lower.hasPrefix($0 + "://") }) else { return nil }
        let rest = lower.dropFirst(scheme.count + 3)
        guard !rest.contains(where: { "/?#@".contains($0) }) else { return nil }
        guard var place = split(authority: String(rest), defaultPort: scheme == "https" ? 443 : 80) else { return nil }
        place.scheme = scheme
        return place
    }

    private static func split(authority: String, defaultPort: Int) -> Place? {
        guard isPlain(authority) else { return nil }
        var host = authority.lowercased()[...]
        var port = defaultPort
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return nil }
            let after = host[host.index(after: end)...]
            if !after.isEmpty {
                guard after.hasPrefix(":"), let number = Int(after.dropFirst()) else { return nil }
                port = number
            }
            host = host[host.index(after: host.startIndex)..<end]
        } else if let colon = host.firstIndex(of: ":") {
            guard let number = Int(host[host.index(after: colon)...]) else { return nil }
            port = number
            host = host[..<colon]
        }
        guard !host.isEmpty, (1...65_535).contains(port) else { return nil }
        return Place(host: String(host), port: port)
    }

    private static func unbracketed(_ host: String) -> String {
        let host = host.lowercased()
        return host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// `localhost`, 127.0.0.0/8 or ::1, as literals.
    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}
