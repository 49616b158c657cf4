import Settings

/// One key of `config.yaml`: where it stands, what it may hold, and which member it fills. The list ``all`` is the only
/// description of the file; reading, writing, the environment and `config check` go by it.
struct ConfigurationKey: Sendable {
    typealias Path<Value> = any (WritableKeyPath<GatewayConfiguration, Value> & Sendable)

    enum Slot: Sendable {
        case text(Path<String>)
        case flag(Path<Bool>)
        case number(Path<Int>, ClosedRange<Int>)
        case id(Path<Int64>)
        /// A YAML list, or one text with commas.
        case list(Path<[String]>)
        /// Random when missing, `length` characters.
        case secret(Path<String>, length: Int)
        /// Read by a part of the product that is not in this program yet; kept, not interpreted.
        case reserved
    }

    /// Lower case with underscores; nested keys with a dot.
    let name: String
    let slot: Slot
    /// Whether `PATCH /setting` can change it. Then the file wins over the environment, else what was saved would be
    /// undone at each start.
    var isChangeable = false
    /// Empty text and 0 stand for the default.
    var emptyMeansDefault = false
    var negativeMeansDefault = false

    /// `NZ_` and the name in capitals without underscores, the dot as underscore: `NZ_HTTPS_LISTENPORT`.
    var environmentName: String {
        "NZ_" + name.uppercased().filter { $0 != "_" }.map { $0 == "." ? "_" : $0 }
    }
}

extension ConfigurationKey {
    private static func changeable(_ name: String, _ slot: Slot, emptyMeansDefault: Bool = false) -> ConfigurationKey {
        ConfigurationKey(name: name, slot: slot, isChangeable: true, emptyMeansDefault: emptyMeansDefault)
    }

    private static let port = 0...65_535

    /// 0 and less mean the default (`engines-details.md` 2).
    private static func positive(_ name: String, _ path: Path<Int>) -> ConfigurationKey {
        ConfigurationKey(
            name: name, slot: .number(path, -1_000_000...1_000_000), emptyMeansDefault: true, negativeMeansDefault: true
        )
    }

    static let all: [ConfigurationKey] = [
        changeable("language", .text(\.settings.language), emptyMeansDefault: true),
        changeable("site_name", .text(\.settings.siteName), emptyMeansDefault: true),
        changeable("custom_code", .text(\.settings.customCode)),
        changeable("custom_code_dashboard", .text(\.settings.customCodeDashboard)),
        changeable("install_host", .text(\.settings.installHost)),
        changeable("tls", .flag(\.settings.tls)),
        changeable("dashboard_host", .text(\.settings.dashboardHost)),
        changeable("web_real_ip_header", .text(\.settings.webRealIPHeader)),
        changeable("agent_real_ip_header", .text(\.settings.agentRealIPHeader)),
        changeable("user_template", .text(\.settings.userTemplate), emptyMeansDefault: true),
        changeable("enable_plain_ip_in_notification", .flag(\.settings.enablePlainIPInNotification)),
        changeable("enable_mcp", .flag(\.settings.enableMCP)),
        changeable("reserved_hosts", .text(\.settings.reservedHosts)),
        changeable("enable_ip_change_notification", .flag(\.settings.enableIPChangeNotification)),
        changeable("ip_change_notification_group_id", .id(\.settings.ipChangeNotificationGroupID)),
        changeable("cover", .id(\.settings.cover), emptyMeansDefault: true),
        changeable("ignored_ip_notification", .text(\.settings.ignoredIPNotification)),
        changeable("dns_servers", .text(\.settings.dnsServers)),
        ConfigurationKey(name: "admin_template", slot: .text(\.settings.adminTemplate), emptyMeansDefault: true),
        ConfigurationKey(name: "avg_ping_count", slot: .number(\.avgPingCount, 0...1000), emptyMeansDefault: true),
        ConfigurationKey(name: "debug", slot: .flag(\.settings.debug)),
        ConfigurationKey(name: "location", slot: .text(\.location), emptyMeansDefault: true),
        ConfigurationKey(name: "force_auth", slot: .flag(\.settings.forceAuth)),
        ConfigurationKey(name: "agent_secret_key", slot: .secret(\.agentSecretKey, length: 32)),
        ConfigurationKey(
            name: "jwt_timeout", slot: .number(\.settings.jwtTimeout, 0...87_600), emptyMeansDefault: true),
        ConfigurationKey(name: "jwt_secret_key", slot: .secret(\.jwtSecretKey, length: 1024)),
        ConfigurationKey(name: "data_secret_key", slot: .secret(\.dataSecretKey, length: 64)),
        ConfigurationKey(name: "listen_port", slot: .number(\.listenPort, port)),
        ConfigurationKey(name: "listen_host", slot: .text(\.settings.listenHost)),
        ConfigurationKey(name: "https.insecure_tls", slot: .flag(\.https.insecureTLS)),
        ConfigurationKey(name: "https.listen_port", slot: .number(\.https.listenPort, port)),
        ConfigurationKey(name: "https.tls_cert_path", slot: .text(\.https.certificatePath)),
        ConfigurationKey(name: "https.tls_key_path", slot: .text(\.https.keyPath)),
        ConfigurationKey(
            name: "mcp_rate_limit_per_second", slot: .number(\.settings.mcpRateLimitPerSecond, 1...1_000_000_000)),
        ConfigurationKey(
            name: "mcp_rate_limit_per_minute", slot: .number(\.settings.mcpRateLimitPerMinute, 1...1_000_000_000)),
        ConfigurationKey(name: "mcp_toolsets", slot: .list(\.settings.mcpToolsets)),
        ConfigurationKey(
            name: "mcp_tool_names", slot: .text(\.settings.mcpToolNames), emptyMeansDefault: true),
        ConfigurationKey(name: "mcp_allowed_origins", slot: .list(\.settings.mcpAllowedOrigins)),
        ConfigurationKey(name: "mcp_allowed_hosts", slot: .list(\.settings.mcpAllowedHosts)),
        ConfigurationKey(
            name: "max_servers_per_user", slot: .number(\.settings.maxServersPerUser, 1...1_000_000),
            emptyMeansDefault: true),
        ConfigurationKey(name: "public_url", slot: .text(\.settings.publicURL)),
        ConfigurationKey(name: "audit_retention_days", slot: .number(\.settings.auditRetentionDays, 1...36_500)),
        ConfigurationKey(
            name: "audit_max_rows", slot: .number(\.settings.auditMaxRows, 1_000...1_000_000_000),
            emptyMeansDefault: true),
        ConfigurationKey(name: "trusted_proxies", slot: .list(\.settings.trustedProxies)),
        ConfigurationKey(name: "notification_allow_private", slot: .list(\.notificationAllowPrivate)),
        ConfigurationKey(name: "oauth2", slot: .reserved),
        ConfigurationKey(name: "geoip_database", slot: .text(\.geoIPDatabase)),
        ConfigurationKey(name: "metrics_listen", slot: .text(\.metricsListen)),
        ConfigurationKey(name: "tsdb.engine", slot: .text(\.settings.metrics.engine), emptyMeansDefault: true),
        ConfigurationKey(name: "tsdb.data_path", slot: .text(\.settings.metrics.dataPath)),
        positive("tsdb.retention_days", \.settings.metrics.retentionDays),
        ConfigurationKey(
            name: "tsdb.min_free_disk_space_gb", slot: .text(\.settings.metrics.minimumFreeDiskGB),
            emptyMeansDefault: true),
        positive("tsdb.max_memory_mb", \.settings.metrics.maximumMemoryMB),
        positive("tsdb.write_buffer_size", \.settings.metrics.writeBufferSize),
        positive("tsdb.write_buffer_flush_interval", \.settings.metrics.writeBufferFlushInterval),
        ConfigurationKey(name: "tsdb.write_url", slot: .text(\.settings.metrics.writeURL)),
        ConfigurationKey(name: "tsdb.read_url", slot: .text(\.settings.metrics.readURL)),
        ConfigurationKey(name: "memory", slot: .reserved),
        ConfigurationKey(name: "jwt_secret_key_last_rotated_version", slot: .reserved),
    ]
}
