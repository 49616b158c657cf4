import MCPServer
import Primitives
import Secrets
import Settings
import TimeZones
import YAML

/// A loaded configuration and what the start has to tell about it.
package struct LoadedConfiguration: Sendable {
    package var configuration: GatewayConfiguration
    /// Keys of the file that nobody knows; they are kept.
    package var unknownKeys: [String]
    /// Keys whose value came from the environment.
    package var fromEnvironment: [String]
    /// Secrets that were missing and are now random, and saved.
    package var generatedKeys: [String]
}

/// Reads `config.yaml`, completes it and applies the environment (`engines.md` 10, `engines-details.md` 10).
package struct ConfigurationLoader: Sendable {
    package let path: String
    private let environment: [String: String]

    package init(path: String, environment: [String: String]) {
        self.path = path
        self.environment = environment
    }

    /// Reads the file. A missing one is created and missing secrets are made and saved, unless `readOnly`.
    /// - Throws: ``ConfigurationError``.
    package func load(readOnly: Bool = false) throws(ConfigurationError) -> LoadedConfiguration {
        let file = ConfigurationFile(path: path)
        var document = try file.read() ?? ConfigurationDocument()
        if readOnly, !file.exists { throw .notReadable(path: path) }
        var loaded = LoadedConfiguration(
            configuration: GatewayConfiguration(), unknownKeys: document.unknownKeys(ConfigurationKey.all),
            fromEnvironment: [], generatedKeys: [])
        for key in ConfigurationKey.all {
            if let node = document[key.name] {
                try key.apply(ConfigurationValue(node), to: &loaded.configuration)
                if key.isChangeable { continue }
            }
            if let text = environment[key.environmentName] {
                try key.apply(ConfigurationValue(text: text), to: &loaded.configuration)
                loaded.fromEnvironment.append(key.name)
            }
        }
        loaded.configuration.oauth2 = try OAuth2Configuration.read(document)
        loaded.configuration.settings.oauth2Providers = loaded.configuration.oauth2.map(\.name)
        for key in ConfigurationKey.all {
            guard let secret = key.generateIfMissing(in: &loaded.configuration) else { continue }
            document.set(key.name, to: YAMLNode(secret))
            loaded.generatedKeys.append(key.name)
        }
        try check(loaded.configuration)
        if !readOnly, !loaded.generatedKeys.isEmpty || !file.exists { try file.write(document) }
        return loaded
    }

    private func check(_ configuration: GatewayConfiguration) throws(ConfigurationError) {
        guard Hex.decode(configuration.dataSecretKey)?.count == 32 else {
            throw .badValue(key: "data_secret_key", value: nil, expected: "64 hex digits")
        }
        do throws(ZoneError) {
            _ = try Zone.named(configuration.location, folder: environment["TZDIR"] ?? "/usr/share/zoneinfo")
        } catch {
            var expected = "a time zone such as UTC or Europe/Berlin"
            if case .noZones(let folder) = error {
                expected = "UTC, and \(folder), where other time zones are, is missing"
            }
            throw .badValue(key: "location", value: configuration.location, expected: expected)
        }
        if let name = configuration.settings.mcpToolsets.first(where: { Toolset(rawValue: $0) == nil }) {
            throw .badValue(key: "mcp_toolsets", value: name, expected: "some of \(Toolset.allNames)")
        }
        let names = configuration.settings.mcpToolNames
        guard ToolNameStyle(rawValue: names) != nil else {
            throw .badValue(key: "mcp_tool_names", value: names, expected: ToolNameStyle.allNames)
        }
        try check(configuration.settings.metrics)
        if !configuration.metricsListen.isEmpty, configuration.metricsAddress == nil {
            throw .badValue(
                key: "metrics_listen", value: configuration.metricsListen,
                expected: "a host and a port such as 127.0.0.1:9108")
        }
        if let entry = configuration.settings.mcpAllowedHosts.first(where: { !OriginGuard.isHost($0) }) {
            throw .badValue(
                key: "mcp_allowed_hosts", value: entry,
                expected: "a host such as nezha.example, without scheme and port")
        }
        let publicURL = configuration.settings.publicURL
        guard publicURL.isEmpty || OriginGuard.isOrigin(publicURL) else {
            throw .badValue(
                key: "public_url", value: publicURL,
                expected: "a scheme, a host and at most a port, such as https://nezha.example:8443")
        }
        if let entry = configuration.settings.trustedProxies.first(where: { !RealAddress.isRange($0) }) {
            throw .badValue(
                key: "trusted_proxies", value: entry, expected: "an address or a range such as 10.0.0.0/8")
        }
        if let entry = configuration.notificationAllowPrivate.first(where: { !RealAddress.isRange($0) }) {
            throw .badValue(
                key: "notification_allow_private", value: entry,
                expected: "an address or a range such as 10.0.0.0/8")
        }
        let https = configuration.https
        if https.listenPort != 0, https.certificatePath.isEmpty || https.keyPath.isEmpty {
            throw .badValue(
                key: "https.listen_port", value: String(https.listenPort),
                expected: "usable without https.tls_cert_path and https.tls_key_path")
        }
    }
}

extension ConfigurationLoader {
    private func check(_ metrics: MetricsConfiguration) throws(ConfigurationError) {
        guard let engine = MetricsConfiguration.Engine(rawValue: metrics.engine) else {
            let names = MetricsConfiguration.Engine.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badValue(key: "tsdb.engine", value: metrics.engine, expected: "one of \(names)")
        }
        guard Double(metrics.minimumFreeDiskGB)?.isFinite == true else {
            throw .badValue(
                key: "tsdb.min_free_disk_space_gb", value: metrics.minimumFreeDiskGB, expected: "a number of gigabytes")
        }
        guard engine == .victoriaMetrics else { return }
        for (key, url) in [("tsdb.write_url", metrics.writeURL), ("tsdb.read_url", metrics.readURL)]
        where !url.hasPrefix("http://") && !url.hasPrefix("https://") {
            // A URL may hold a password.
            throw .badValue(key: key, value: nil, expected: "an http or https URL, which tsdb.engine asks for")
        }
    }
}

/// The text or texts of one YAML value.
enum ConfigurationValue {
    case text(String)
    case list([String])
    case null
    /// A mapping, or a list of something else than texts.
    case other

    init(_ node: YAMLNode) {
        switch node {
        case .scalar(let scalar):
            // Quoted it is a text.
            self = scalar.style == .plain && node.isNull ? .null : .text(scalar.string)
        case .sequence(let sequence):
            let texts = sequence.items.compactMap(\.string)
            self = texts.count == sequence.items.count ? .list(texts) : .other
        case .mapping:
            self = .other
        }
    }

    init(text: String) { self = .text(text) }
}

extension ConfigurationKey {
    /// Weak secrets that stand in documents and examples.
    private static let knownSecrets: Set<String> = ["secret", "changeme", "password", "0123456789abcdef"]
    static let shortestSecret = 16

    func apply(_ value: ConfigurationValue, to configuration: inout GatewayConfiguration) throws(ConfigurationError) {
        if case .reserved = slot { return }
        if case .null = value { return }
        if case .text("") = value, emptyMeansDefault { return }
        switch slot {
        case .reserved: return
        case .text(let path): configuration[keyPath: path] = try text(value)
        case .flag(let path): configuration[keyPath: path] = try flag(value)
        case .number(let path, let range):
            let number = try whole(value, range)
            if number < 0, negativeMeansDefault { return }
            if number != 0 || !emptyMeansDefault { configuration[keyPath: path] = number }
        case .id(let path):
            let number = try Int64(whole(value, 0...Int.max))
            if number != 0 || !emptyMeansDefault { configuration[keyPath: path] = number }
        case .list(let path): configuration[keyPath: path] = try list(value)
        case .secret(let path, _): configuration[keyPath: path] = try secret(value)
        }
    }

    /// - Returns: the new secret, or `nil` when this is none or one is set.
    func generateIfMissing(in configuration: inout GatewayConfiguration) -> String? {
        guard case .secret(let path, let length) = slot, configuration[keyPath: path].isEmpty else { return nil }
        let isHex = name == "data_secret_key"
        let secret = isHex ? Hex.encode(SecureRandom.bytes(length / 2)) : SecureRandom.alphanumeric(length)
        configuration[keyPath: path] = secret
        return secret
    }

    /// The YAML node of the value in force, for keys that can be changed.
    func node(in configuration: GatewayConfiguration) -> YAMLNode? {
        switch slot {
        case .text(let path): Self.textNode(configuration[keyPath: path])
        case .flag(let path): YAMLNode(configuration[keyPath: path] ? "true" : "false")
        case .number(let path, _): YAMLNode(String(configuration[keyPath: path]))
        case .id(let path): YAMLNode(String(configuration[keyPath: path]))
        case .list(let path): .sequence(YAMLNode.Sequence(configuration[keyPath: path].map(Self.textNode)))
        case .secret, .reserved: nil
        }
    }

    /// Quoted unless it is plainly a text: `null` would be read back as nothing, and older readers take `on` for a flag.
    private static func textNode(_ text: String) -> YAMLNode {
        let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        let isPlain = text.first?.isLetter == true && !reserved.contains(text.lowercased())
        return YAMLNode(text, style: isPlain ? .any : .doubleQuoted)
    }

    private func text(_ value: ConfigurationValue) throws(ConfigurationError) -> String {
        switch value {
        case .text(let text): return text
        case .list(let texts): return texts.joined(separator: ",")
        case .null, .other: throw .badValue(key: name, value: "a mapping or list", expected: "a text")
        }
    }

    private func flag(_ value: ConfigurationValue) throws(ConfigurationError) -> Bool {
        let text = try text(value)
        switch text.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off", "": return false
        default: throw .badValue(key: name, value: text, expected: "true or false")
        }
    }

    private func whole(_ value: ConfigurationValue, _ range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
        let text = try text(value)
        guard let number = Int(text.isEmpty ? "0" : text), range.contains(number) else {
            let bound = range.upperBound == Int.max ? "" : " to \(range.upperBound)"
            throw .badValue(
                key: name, value: text, expected: "a whole number from \(range.lowerBound)\(bound)")
        }
        return number
    }

    private func list(_ value: ConfigurationValue) throws(ConfigurationError) -> [String] {
        switch value {
        case .list(let texts): return texts
        case .text(let text):
            return text.utf8.split(separator: UInt8(ascii: ",")).map { String(Substring($0).trimmingWhitespace()) }
                .filter { !$0.isEmpty }
        case .null, .other: throw .badValue(key: name, value: "a mapping", expected: "a list of texts")
        }
    }

    private func secret(_ value: ConfigurationValue) throws(ConfigurationError) -> String {
        guard case .text(let text) = value else { throw .badValue(key: name, value: nil, expected: "a text") }
        if text.isEmpty { return text }
        guard text.utf8.count >= Self.shortestSecret, !Self.knownSecrets.contains(text.lowercased()),
            Set(text).count > 4
        else {
            throw .badValue(
                key: name, value: nil, expected: "a secret of \(Self.shortestSecret) random characters or more")
        }
        return text
    }
}

extension GatewayConfiguration {
    /// Host and port of ``metricsListen``; `nil` where there is none.
    package var metricsAddress: (host: String, port: Int)? {
        guard let colon = metricsListen.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = Int(metricsListen[metricsListen.utf8.index(after: colon)...]), 0...65_535 ~= port
        else { return nil }
        var host = metricsListen[..<colon]
        if host.utf8.first == UInt8(ascii: "["), host.utf8.last == UInt8(ascii: "]") {
            host = host.dropFirst().dropLast()
        }
        return host.isEmpty ? nil : (String(host), port)
    }
}
