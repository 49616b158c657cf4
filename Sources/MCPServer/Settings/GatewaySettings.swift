/// The settings that tools and endpoints read while running (`engines.md` 10). Names are those of `config.yaml`.
///
/// A plain value: whoever needs a setting asks the ``SettingsStore`` for the current one at each use.
public struct GatewaySettings: Sendable, Hashable {
    public var language = "en_US"
    public var siteName = "Nezha Monitoring"
    public var customCode = ""
    public var customCodeDashboard = ""
    public var installHost = ""
    public var tls = false
    public var dashboardHost = ""
    public var webRealIPHeader = ""
    public var agentRealIPHeader = ""
    public var userTemplate = "user-dist"
    public var adminTemplate = "admin-dist"
    public var enablePlainIPInNotification = false
    public var enableMCP = false
    public var reservedHosts = ""
    public var enableIPChangeNotification = false
    public var ipChangeNotificationGroupID: Int64 = 0
    public var cover: Int64 = 1
    public var ignoredIPNotification = ""
    public var dnsServers = ""
    public var debug = false
    public var forceAuth = false
    public var listenHost = ""
    /// Hours.
    public var jwtTimeout = 1
    public var mcpRateLimitPerSecond = 10
    public var mcpRateLimitPerMinute = 120
    public var mcpToolsets: [String] = ["core"]
    public var mcpAllowedOrigins: [String] = []
    /// Hosts under which the MCP routes answer, besides loopback names; empty = any.
    public var mcpAllowedHosts: [String] = []
    public var auditRetentionDays = 90
    public var trustedProxies: [String] = []

    public init() {}
}

/// Where the settings live. The gateway keeps them in `config.yaml`; tests keep them in memory.
public protocol SettingsStore: Sendable {
    /// The settings in force. Cheap: no lock is held for long, no I/O.
    var current: GatewaySettings { get }

    /// Changes settings; they are in force when this returns, and on disk.
    ///
    /// When they cannot be saved, the former ones are in force again and nothing else has happened (`mcp.md` 6.1).
    /// - Throws: ``SettingsError``.
    func update(_ change: @Sendable (inout GatewaySettings) -> Void) async throws(SettingsError) -> GatewaySettings
}

public enum SettingsError: Error, Sendable, Equatable {
    /// The file could not be written; the text names the file, not its content.
    case notSaved(String)
}
