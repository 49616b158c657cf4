/// The settings of one agent (`agent-link.md` 4, defaults of `agent-link-details.md` 4).
public struct AgentConfiguration: Sendable, Equatable {
    /// `host:port` of the gateway.
    public var server = ""
    public var clientSecret = ""
    public var uuid = ""
    public var tls = false
    /// Skips verification of the gateway's certificate, nothing else.
    public var insecureTLS = false
    public var debug = false
    /// Seconds between measurements.
    public var reportDelay: UInt32 = 0
    /// Seconds between looks at the public addresses.
    public var ipReportPeriod: UInt32 = 0
    public var selfUpdatePeriod: UInt32 = 0
    public var gpu = false
    public var temperature = false
    public var skipConnectionCount = false
    public var skipProcsCount = false
    public var disableAutoUpdate = false
    public var disableForceUpdate = false
    public var disableCommandExecute = false
    public var disableNAT = false
    public var disableSendQuery = false
    public var useIPv6CountryCode = false
    public var useGiteeToUpgrade = false
    public var useAtomGitToUpgrade = false
    public var customIPAPI: [String] = []
    public var dns: [String] = []
    /// When not empty, only the interfaces with `true` are counted.
    public var nicAllowlist: [String: Bool] = [:]
    /// When not empty, the mount points that are counted.
    public var hardDrivePartitionAllowlist: [String] = []

    public init() {}

    /// Fills defaults in and checks every value.
    /// - Throws: ``ConfigurationError``, for the first key that is wrong.
    public mutating func complete() throws(ConfigurationError) {
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
        guard Self.isUUID(uuid) else {
            throw .invalid(key: "uuid", value: uuid, expected: "36 characters 8-4-4-4-12 of hexadecimal digits")
        }
    }

    /// Whether `text` has the form that dashboards take (`agent-link-details.md` 1).
    static func isUUID(_ text: String) -> Bool {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.utf8.count) == [8, 4, 4, 4, 12]
            && text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || Character(UnicodeScalar($0)).isHexDigit }
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

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "/" || $0 == "@" }) else { return nil }
        self.host = String(host)
        self.port = port
    }
}
