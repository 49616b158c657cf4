/// The settings that tools and endpoints read while running (`engines.md` 10). Names are those of `config.yaml`.
///
/// A plain value: whoever needs a setting asks the ``SettingsStore`` for the current one at each use.
package struct GatewaySettings: Sendable, Hashable {
    package var language = "en_US"
    package var siteName = "Nezha Monitoring"
    package var customCode = ""
    package var customCodeDashboard = ""
    package var installHost = ""
    package var tls = false
    package var dashboardHost = ""
    package var webRealIPHeader = ""
    package var agentRealIPHeader = ""
    package var userTemplate = "user-dist"
    package var adminTemplate = "admin-dist"
    package var enablePlainIPInNotification = false
    package var enableMCP = false
    package var reservedHosts = ""
    package var enableIPChangeNotification = false
    package var ipChangeNotificationGroupID: Int64 = 0
    package var cover: Int64 = 1
    package var ignoredIPNotification = ""
    package var dnsServers = ""
    package var debug = false
    package var forceAuth = false
    package var listenHost = ""
    /// Hours.
    package var jwtTimeout = 1
    package var mcpRateLimitPerSecond = 10
    package var mcpRateLimitPerMinute = 120
    package var mcpToolsets: [String] = ["core"]
    /// A ``ToolNameStyle``.
    package var mcpToolNames = ToolNameStyle.dotted.rawValue
    package var mcpAllowedOrigins: [String] = []
    /// Hosts under which the MCP routes answer, besides loopback names; empty = any.
    package var mcpAllowedHosts: [String] = []
    /// Where clients reach the gateway, such as `https://nezha.example:8443`; empty = as each request says.
    package var publicURL = ""
    package var auditRetentionDays = 90
    /// Servers that agents may register for one owner; nobody counts as one.
    package var maxServersPerUser = 15_000
    /// Audit rows kept at most, whatever their age.
    package var auditMaxRows = 1_000_000
    package var trustedProxies: [String] = []
    /// Names of the log-in providers under `oauth2:`, in their order there.
    package var oauth2Providers: [String] = []

    /// The keys below `tsdb:`; read when the gateway starts.
    package var metrics = MetricsConfiguration()

    package init() {}
}

/// Where the settings live. The gateway keeps them in `config.yaml`; tests keep them in memory.
package protocol SettingsStore: Sendable {
    /// The settings in force. Cheap: no lock is held for long, no I/O.
    var current: GatewaySettings { get }

    /// The same without a copy of each text in them: for what every request asks.
    var shared: SharedSettings { get }

    /// Changes settings; they are in force when this returns, and on disk.
    ///
    /// When they cannot be saved, the former ones are in force again and nothing else has happened (`mcp.md` 6.1).
    /// - Throws: ``SettingsError``.
    func update(_ change: @Sendable (inout GatewaySettings) -> Void) async throws(SettingsError) -> GatewaySettings
}

extension SettingsStore {
    package var shared: SharedSettings { SharedSettings(current) }
}

/// Settings that never change, handed around as one reference.
package final class SharedSettings: Sendable {
    package let value: GatewaySettings

    package init(_ value: GatewaySettings) { self.value = value }
}

package enum SettingsError: Error, Sendable, Equatable {
    /// The file could not be written; the text names the file, not its content.
    case notSaved(String)
}
