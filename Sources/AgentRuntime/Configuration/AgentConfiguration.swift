import Primitives

/// The settings of one agent (`agent-link.md` 4, defaults of `agent-link-details.md` 4).
package struct AgentConfiguration: Sendable, Equatable {
    /// `host:port` of the gateway.
    package var server = ""
    package var clientSecret = ""
    package var uuid = ""
    package var tls = false
    /// Skips verification of the gateway's certificate, nothing else.
    package var insecureTLS = false
    package var debug = false
    /// Seconds between measurements.
    package var reportDelay: UInt32 = 0
    /// Seconds between looks at the public addresses.
    package var ipReportPeriod: UInt32 = 0
    package var selfUpdatePeriod: UInt32 = 0
    package var gpu = false
    package var temperature = false
    package var skipConnectionCount = false
    package var skipProcsCount = false
    package var disableAutoUpdate = false
    package var disableForceUpdate = false
    package var disableCommandExecute = false
    package var disableNAT = false
    package var disableSendQuery = false
    package var useIPv6CountryCode = false
    package var useGiteeToUpgrade = false
    package var useAtomGitToUpgrade = false
    package var customIPAPI: [String] = []
    package var dns: [String] = []
    /// When not empty, only the interfaces with `true` are counted.
    package var nicAllowlist: [String: Bool] = [:]
    /// When not empty, the mount points that are counted.
    package var hardDrivePartitionAllowlist: [String] = []

    package init() {}

    /// Fills defaults in and checks every value.
    /// - Throws: ``ConfigurationError``, for the first key that is wrong.
    package mutating func complete() throws(ConfigurationError) {
        if reportDelay == 0 { reportDelay = 3 }
        if ipReportPeriod == 0 { ipReportPeriod = 1800 }
        ipReportPeriod = max(30, ipReportPeriod)
        guard (1...4).contains(reportDelay) else {
            throw .invalid(key: "report_delay", value: String(reportDelay), expected: "seconds from 1 to 4")
        }
        for entry in customIPAPI where !Self.isHTTP(entry) {
            throw .invalid(key: "custom_ip_api", value: entry, expected: "a URL that begins with http:// or https://")
        }
        for entry in dns where ServerAddress(entry) == nil {
            throw .invalid(key: "dns", value: entry, expected: "address:port")
        }
        try requireIdentity()
    }

    private func requireIdentity() throws(ConfigurationError) {
        if server.isEmpty { throw .missing(key: "server", expected: "host:port of the gateway") }
        guard ServerAddress(server) != nil else {
            throw .invalid(key: "server", value: server, expected: "host:port, such as 192.0.2.1:8008 or [::1]:8008")
        }
        if clientSecret.isEmpty { throw .missing(key: "client_secret", expected: "the agent secret of a user") }
        guard clientSecret.utf8.allSatisfy({ 0x21 <= $0 && $0 < 0x7F }) else {
            throw .invalid(key: "client_secret", value: "(hidden)", expected: "visible ASCII characters only")
        }
        // The form that dashboards take (`agent-link-details.md` 1).
        guard UUIDText.isValid(uuid) else {
            throw .invalid(key: "uuid", value: uuid, expected: "36 characters 8-4-4-4-12 of hexadecimal digits")
        }
    }

    static func isHTTP(_ text: String) -> Bool {
        let lower = text.lowercased()
        return (lower.hasPrefix("http://") && lower.utf8.count > 7)
            || (lower.hasPrefix("https://") && lower.utf8.count > 8)
    }
}

/// `host:port`; an IPv6 address stands in brackets.
struct ServerAddress: Sendable, Equatable {
    var host: String
    var port: Int

    /// A name of the longest domain, brackets and a port have less.
    private static let longest = 512

    /// Blanks, control characters, and what separates parts of a URL.
    private static func isForbidden(_ byte: UInt8) -> Bool {
        byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "@")
    }

    init?(_ text: String) {
        // Bytes: the gateway names such an address too (a TCP probe, a tunnel), of any length and with any marks in it.
        let bytes = text.utf8.prefix(Self.longest + 1)
        guard bytes.count <= Self.longest, let colon = bytes.lastIndex(of: UInt8(ascii: ":")),
            let port = Int(Substring(bytes[bytes.index(after: colon)...])), (1...65535).contains(port)
        else { return nil }
        var host = bytes[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: Self.isForbidden) else { return nil }
        self.host = String(Substring(host))
        self.port = port
    }
}
