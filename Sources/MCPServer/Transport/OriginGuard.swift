/// Refuses browsers that were sent here by another site (`mcp.md` 2; `security.md`, DNS rebinding).
///
/// Programs send no `Origin` and pass. A browser passes only from this very host, or from an origin on the allow list.
public struct OriginGuard: Sendable {
    /// Whether the gateway listens on a loopback address only; then even the same host must be a loopback name.
    private let isLoopbackDeployment: Bool
    private let allowed: Set<String>

    /// - Parameters:
    ///   - listenHost: setting `listen_host`.
    ///   - allowedOrigins: setting `mcp_allowed_origins`, such as `https://tools.example`.
    public init(listenHost: String, allowedOrigins: [String]) {
        isLoopbackDeployment = Self.isLoopback(Self.unbracketed(listenHost))
        allowed = Set(allowedOrigins.compactMap { Self.normalised(origin: $0) })
    }

    /// - Parameters:
    ///   - origin: the `Origin` header; `nil` or blank when there is none.
    ///   - authority: the request's `Host`.
    public func allows(origin: String?, authority: String?) -> Bool {
        guard let origin = origin?.trimmingBlanks(), !origin.isEmpty else { return true }
        guard let given = Self.split(origin: String(origin)) else { return false }
        if allowed.contains("\(given.scheme)://\(given.host):\(given.port)") { return true }
        guard let authority, let own = Self.split(authority: authority, defaultPort: given.defaultPort) else {
            return false
        }
        guard given.host == own.host, given.port == own.port else { return false }
        return !isLoopbackDeployment || Self.isLoopback(own.host)
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

    private static func split(origin: String) -> Place? {
        let lower = origin.lowercased()
        guard let scheme = ["http", "https"].first(where: { lower.hasPrefix($0 + "://") }) else { return nil }
        let rest = lower.dropFirst(scheme.count + 3)
        guard !rest.contains(where: { "/?#@".contains($0) }) else { return nil }
        guard var place = split(authority: String(rest), defaultPort: scheme == "https" ? 443 : 80) else { return nil }
        place.scheme = scheme
        return place
    }

    private static func split(authority: String, defaultPort: Int) -> Place? {
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
