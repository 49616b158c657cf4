import Logging
import Settings

/// `setting.update`: replace the settings; turning `enable_mcp` off is the kill switch (`mcp.md` 6.1).
///
/// Absent members become empty, as clients in the field expect (`rest-details.md` 4). Three exceptions: `enable_mcp`
/// stays as it is; so do `site_name` and `language`, where they are left out; and a form with nothing but `enable_mcp`
/// changes nothing else.
struct SettingUpdateTool: Tool {
    private let settings: any SettingsStore
    private let live: LiveWork
    private let transferURLs: TransferURLs
    private let references: ResourceReferences
    private let installedTemplates: @Sendable () async throws -> [FrontendTemplate]
    private let logger: Logger

    init(_ services: ToolServices) {
        settings = services.settings
        live = services.live
        transferURLs = services.transferURLs
        references = ResourceReferences(services)
        installedTemplates = services.installedTemplates
        logger = services.logger
    }

    let definition = ToolDefinition(
        name: "setting.update", title: "Change settings",
        description: "Replaces the settings. Turning enable_mcp off ends all MCP calls and transfers at once.",
        annotations: ToolAnnotations(destructive: true),
        access: .administrator, exposure: .internal,
        inputSchema: SchemaSource(PackageResources.setting_update_input_json),
        outputSchema: SchemaSource(PackageResources.setting_update_output_json))

    struct Input: Codable, Sendable, Hashable {
        var siteName: String?
        var language: String?
        var customCode: String?
        var customCodeDashboard: String?
        var installHost: String?
        var tls: Bool?
        var dashboardHost: String?
        var reservedHosts: String?
        var webRealIPHeader: String?
        var agentRealIPHeader: String?
        var userTemplate: String?
        var enablePlainIPInNotification: Bool?
        var enableMCP: Bool?
        var enableIPChangeNotification: Bool?
        var ipChangeNotificationGroupID: Int64?
        var cover: Int64?
        var ignoredIPNotification: String?
        var dnsServers: String?

        private enum CodingKeys: String, CodingKey {
            case siteName = "site_name"
            case language
            case customCode = "custom_code"
            case customCodeDashboard = "custom_code_dashboard"
            case installHost = "install_host"
            case tls
            case dashboardHost = "dashboard_host"
            case reservedHosts = "reserved_hosts"
            case webRealIPHeader = "web_real_ip_header"
            case agentRealIPHeader = "agent_real_ip_header"
            case userTemplate = "user_template"
            case enablePlainIPInNotification = "enable_plain_ip_in_notification"
            case enableMCP = "enable_mcp"
            case enableIPChangeNotification = "enable_ip_change_notification"
            case ipChangeNotificationGroupID = "ip_change_notification_group_id"
            case cover
            case ignoredIPNotification = "ignored_ip_notification"
            case dnsServers = "dns_servers"
        }
    }

    func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
        let isSwitchOnly = input.enableMCP != nil && input == Input(enableMCP: input.enableMCP)
        if !isSwitchOnly { try await check(input, against: settings.current, call.principal) }
        let saved: GatewaySettings
        do {
            saved = try await settings.update { changed in
                if !isSwitchOnly { input.replaceForm(in: &changed) }
                if let enabled = input.enableMCP { changed.enableMCP = enabled }
            }
        } catch {
            // Said plainly, above all where it was the kill switch: MCP is still on.
            guard case .notSaved(let file) = error else { throw ToolFailure.database }
            logger.error("settings not saved", metadata: ["file": "\(file)", "request": "\(call.requestID)"])
            throw ToolFailure.rejected(
                "settings not saved: the configuration file cannot be written; nothing was changed")
        }
        // Also where it was off already: then there is nothing to end, and no race between two changes leaves any.
        if !saved.enableMCP {
            transferURLs.purgeAll()
            live.throwKillSwitch()
        }
        return NoOutput()
    }

    private func check(_ input: Input, against current: GatewaySettings, _ principal: Principal) async throws {
        let template = input.userTemplate ?? ""
        // What is set already stays, though its folder has gone.
        if template.isEmpty || template != current.userTemplate {
            let known = FrontendTemplate.known(installed: try await installedTemplates())
            guard known.contains(where: { $0.path == template && $0.isAdmin != true }) else {
                throw ToolFailure.rejected("invalid user template")
            }
        }
        for name in [input.webRealIPHeader ?? "", input.agentRealIPHeader ?? ""] {
            guard name == RealAddress.usePeer || name.utf8.allSatisfy(Self.isHeaderByte) else {
                throw ToolFailure.rejected("invalid real ip header")
            }
        }
        // A dangling id must not bind to a group that somebody makes later (`security.md`).
        let group = input.ipChangeNotificationGroupID ?? 0
        if group != current.ipChangeNotificationGroupID {
            try await references.requireNotificationGroup(group, principal)
        }
    }

    /// RFC 9110, token.
    private static func isHeaderByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension SettingUpdateTool.Input {
    /// All members but the switch.
    fileprivate func replaceForm(in settings: inout GatewaySettings) {
        if let siteName { settings.siteName = siteName }
        if let language { settings.language = language.replacing("-", with: "_") }
        settings.customCode = customCode ?? ""
        settings.customCodeDashboard = customCodeDashboard ?? ""
        settings.installHost = installHost ?? ""
        settings.tls = tls ?? false
        settings.dashboardHost = dashboardHost ?? ""
        settings.reservedHosts = reservedHosts ?? ""
        settings.webRealIPHeader = webRealIPHeader ?? ""
        settings.agentRealIPHeader = agentRealIPHeader ?? ""
        settings.userTemplate = userTemplate ?? settings.userTemplate
        settings.enablePlainIPInNotification = enablePlainIPInNotification ?? false
        settings.enableIPChangeNotification = enableIPChangeNotification ?? false
        settings.ipChangeNotificationGroupID = ipChangeNotificationGroupID ?? 0
        settings.cover = cover ?? 0
        settings.ignoredIPNotification = ignoredIPNotification ?? ""
        settings.dnsServers = dnsServers ?? ""
    }
}
