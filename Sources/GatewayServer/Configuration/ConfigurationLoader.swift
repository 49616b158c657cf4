import Foundation
import MCPServer
import Secrets
import Yams

/// A loaded configuration and what the start has to tell about it.
public struct LoadedConfiguration: Sendable {
    public var configuration: GatewayConfiguration
    /// Keys of the file that nobody knows; they are kept.
    public var unknownKeys: [String]
    /// Keys whose value came from the environment.
    public var fromEnvironment: [String]
    /// Secrets that were missing and are now random, and saved.
    public var generatedKeys: [String]
}

/// Reads `config.yaml`, completes it and applies the environment (`engines.md` 10, `engines-details.md` 10).
public struct ConfigurationLoader: Sendable {
    public let path: String
    private let environment: [String: String]

    public init(path: String, environment: [String: String]) {
        self.path = path
        self.environment = environment
    }

    /// Reads the file. A missing one is created and missing secrets are made and saved, unless `readOnly`.
    /// - Throws: ``ConfigurationError``.
    public func load(readOnly: Bool = false) throws(ConfigurationError) -> LoadedConfiguration {
        let file = ConfigurationFile(path: path)
        var document = try file.read() ?? ConfigurationDocument()
        if readOnly, !file.exists { throw .notReadable(path: path) }
        var loaded = LoadedConfiguration(
            configuration: GatewayConfiguration(), unknownKeys: document.unknownKeys(ConfigurationKey.all),
            fromEnvironment: [], generatedKeys: [])
        for key in ConfigurationKey.all {
            if let node = document[key.name] {
                try key.apply(ConfigurationValue(node, key: key.name), to: &loaded.configuration)
                if key.isChangeable { continue }
            }
            if let text = environment[key.environmentName] {
                try key.apply(ConfigurationValue(text: text), to: &loaded.configuration)
                loaded.fromEnvironment.append(key.name)
            }
        }
        for key in ConfigurationKey.all {
            guard let secret = key.generateIfMissing(in: &loaded.configuration) else { continue }
            document.set(key.name, to: Node(secret))
            loaded.generatedKeys.append(key.name)
        }
        try Self.check(loaded.configuration)
        if !readOnly, !loaded.generatedKeys.isEmpty || !file.exists { try file.write(document) }
        return loaded
    }

    private static func check(_ configuration: GatewayConfiguration) throws(ConfigurationError) {
        guard Hex.decode(configuration.dataSecretKey)?.count == 32 else {
            throw .badValue(key: "data_secret_key", value: nil, expected: "64 hex digits")
        }
        guard TimeZone(identifier: configuration.location) != nil else {
            throw .badValue(
                key: "location", value: configuration.location, expected: "a time zone such as UTC or Europe/Berlin")
        }
        if let name = configuration.settings.mcpToolsets.first(where: { Toolset(rawValue: $0) == nil }) {
            throw .badValue(key: "mcp_toolsets", value: name, expected: "some of \(Toolset.allNames)")
        }
        if let entry = configuration.settings.mcpAllowedHosts.first(where: { !OriginGuard.isHost($0) }) {
            throw .badValue(
                key: "mcp_allowed_hosts", value: entry,
                expected: "a host such as nezha.example, without scheme and port")
        }
        if let entry = configuration.settings.trustedProxies.first(where: { !RealAddress.isRange($0) }) {
            throw .badValue(
                key: "trusted_proxies", value: entry, expected: "an address or a range such as 10.0.0.0/8")
        }
        let https = configuration.https
        if https.listenPort != 0, https.certificatePath.isEmpty || https.keyPath.isEmpty {
            throw .badValue(
                key: "https.listen_port", value: String(https.listenPort),
                expected: "usable without https.tls_cert_path and https.tls_key_path")
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

    init(_ node: Node, key: String) {
        switch node {
        case .scalar(let scalar):
            let isNull = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            self = isNull ? .null : .text(scalar.string)
        case .sequence(let sequence):
            let texts = sequence.compactMap { $0.scalar?.string }
            self = texts.count == sequence.count ? .list(texts) : .other
        default:
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
    func node(in configuration: GatewayConfiguration) -> Node? {
        switch slot {
        case .text(let path): Self.textNode(configuration[keyPath: path])
        case .flag(let path): Node(configuration[keyPath: path] ? "true" : "false", Tag(.bool))
        case .number(let path, _): Node(String(configuration[keyPath: path]), Tag(.int))
        case .id(let path): Node(String(configuration[keyPath: path]), Tag(.int))
        case .list(let path): Node(configuration[keyPath: path].map(Self.textNode))
        case .secret, .reserved: nil
        }
    }

    /// Quoted unless it is plainly a text: `null` would be read back as nothing, and older readers take `on` for a flag.
    private static func textNode(_ text: String) -> Node {
        let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"]
        let isPlain = text.first?.isLetter == true && !reserved.contains(text.lowercased())
        return Node(text, Tag(.str), isPlain ? .any : .doubleQuoted)
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
            return text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
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
