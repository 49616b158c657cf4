import Primitives
import Settings

/// `setting.get`: the settings, as far as the viewer may see them (`rest-details.md` 4, Setting by viewer).
struct SettingGetTool: Tool {
    private let settings: any SettingsStore
    private let version: String
    private let installedTemplates: @Sendable () async throws -> [FrontendTemplate]

    init(_ services: ToolServices) {
        settings = services.settings
        installedTemplates = services.installedTemplates
        version = services.version
    }

    let definition = ToolDefinition(
        name: "setting.get", title: "Read settings",
        description: "Shows the settings: names and languages to everybody, the rest to administrators.",
        annotations: ToolAnnotations(readOnly: true),
        access: .open, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.setting_get_input_json),
        outputSchema: SchemaSource(PackageResources.setting_get_output_json))

    struct Output: Encodable, Sendable {
        var config: ShownSettings
        var version: String?
        var frontendTemplates: [FrontendTemplate]?
        var tsdbEnabled: Bool

        private enum CodingKeys: String, CodingKey {
            case config
            case version
            case frontendTemplates = "frontend_templates"
            case tsdbEnabled = "tsdb_enabled"
        }
    }

    func run(_ input: NoInput, in call: ToolCall) async throws -> Output {
        let current = settings.current
        // Tokens are no log-ins here: their owners' rights do not count (`rest-details.md` 3).
        let isAdministrator = call.principal.token == nil && call.principal.isAdministrator
        let isUser = call.principal.session != nil
        let config: ShownSettings
        if isAdministrator {
            config = ShownSettings(all: current)
        } else {
            config = isUser ? ShownSettings(user: current) : ShownSettings(guest: current)
        }
        let templates = isAdministrator ? FrontendTemplate.known(installed: try await installedTemplates()) : nil
        return Output(
            config: config, version: isAdministrator ? version : nil,
            frontendTemplates: templates, tsdbEnabled: current.metrics.isEnabled)
    }
}

/// What is shown of the settings; no secret is a member of ``GatewaySettings``, so none can be shown.
struct ShownSettings: Encodable, Sendable {
    var language: String
    var siteName: String
    var customCode: String?
    var customCodeDashboard: String?
    var installHost: String?
    var tls: Bool?
    var dashboardHost: String?
    var webRealIPHeader: String?
    var agentRealIPHeader: String?
    var userTemplate: String?
    var adminTemplate: String?
    var enablePlainIPInNotification: Bool?
    var enableMCP: Bool?
    var reservedHosts: String?
    var enableIPChangeNotification: Bool?
    var ipChangeNotificationGroupID: Int64 = 0
    var cover: Int64 = 0
    var ignoredIPNotification: String?
    var ignoredIPNotificationServerIDs: [String: Bool]?
    var dnsServers: String?
    var oauth2Providers: [String]?

    private enum CodingKeys: String, CodingKey {
        case language
        case siteName = "site_name"
        case customCode = "custom_code"
        case customCodeDashboard = "custom_code_dashboard"
        case installHost = "install_host"
        case tls
        case dashboardHost = "dashboard_host"
        case webRealIPHeader = "web_real_ip_header"
        case agentRealIPHeader = "agent_real_ip_header"
        case userTemplate = "user_template"
        case adminTemplate = "admin_template"
        case enablePlainIPInNotification = "enable_plain_ip_in_notification"
        case enableMCP = "enable_mcp"
        case reservedHosts = "reserved_hosts"
        case enableIPChangeNotification = "enable_ip_change_notification"
        case ipChangeNotificationGroupID = "ip_change_notification_group_id"
        case cover
        case ignoredIPNotification = "ignored_ip_notification"
        case ignoredIPNotificationServerIDs = "ignored_ip_notification_server_ids"
        case dnsServers = "dns_servers"
        case oauth2Providers = "oauth2_providers"
    }

    init(guest settings: GatewaySettings) {
        language = settings.language.replacing("_", with: "-")
        siteName = settings.siteName
        customCode = settings.customCode.nonEmpty
        customCodeDashboard = settings.customCodeDashboard.nonEmpty
        oauth2Providers = settings.oauth2Providers.isEmpty ? nil : settings.oauth2Providers
    }

    init(user settings: GatewaySettings) {
        self.init(guest: settings)
        tls = settings.tls ? true : nil
        installHost = settings.installHost.nonEmpty
    }

    init(all settings: GatewaySettings) {
        self.init(user: settings)
        dashboardHost = settings.dashboardHost.nonEmpty
        webRealIPHeader = settings.webRealIPHeader.nonEmpty
        agentRealIPHeader = settings.agentRealIPHeader.nonEmpty
        userTemplate = settings.userTemplate.nonEmpty
        adminTemplate = settings.adminTemplate.nonEmpty
        enablePlainIPInNotification = settings.enablePlainIPInNotification ? true : nil
        enableMCP = settings.enableMCP ? true : nil
        reservedHosts = settings.reservedHosts.nonEmpty
        enableIPChangeNotification = settings.enableIPChangeNotification ? true : nil
        ipChangeNotificationGroupID = settings.ipChangeNotificationGroupID
        cover = settings.cover
        ignoredIPNotification = settings.ignoredIPNotification.nonEmpty
        let ignored = settings.ignoredIPNotification.split(separator: ",").compactMap { Int64($0.trimmingWhitespace()) }
        if !ignored.isEmpty {
            ignoredIPNotificationServerIDs = Dictionary(ignored.map { (String($0), true) }) { first, _ in first }
        }
        dnsServers = settings.dnsServers.nonEmpty
    }
}
