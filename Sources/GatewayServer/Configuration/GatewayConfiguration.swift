public import MCPServer

/// The whole of `config.yaml` as this program understands it (`engines.md` 10).
public struct GatewayConfiguration: Sendable {
    /// What tools and endpoints read while running; the part that `PATCH /setting` can change is in it.
    public var settings = GatewaySettings()
    /// 0 picks a free port.
    public var listenPort = 8008
    public var https = HTTPS()
    /// Agents that know it may speak for any server; its new servers belong to nobody.
    public var agentSecretKey = ""
    /// Signs log-in sessions.
    public var jwtSecretKey = ""
    /// Ours: keys the hashes of tokens and agent secrets, and seals what must be readable again. 64 hex digits.
    public var dataSecretKey = ""
    /// The time zone of schedules and days.
    public var location = "UTC"
    public var avgPingCount = 2

    public init() {}

    /// The listener with TLS; off while `listenPort` is 0.
    public struct HTTPS: Sendable, Hashable {
        public var insecureTLS = false
        public var listenPort = 0
        public var certificatePath = ""
        public var keyPath = ""
    }
}

/// Why a configuration cannot be used. Never carries the value of a secret.
public enum ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    case notReadable(path: String)
    case notWritable(path: String)
    case notYAML(path: String, line: Int?)
    /// `value` is `nil` for secrets.
    case badValue(key: String, value: String?, expected: String)

    public var description: String {
        switch self {
        case .notReadable(let path): "\(path): cannot be read"
        case .notWritable(let path): "\(path): cannot be written"
        case .notYAML(let path, let line): "\(path): no valid YAML\(line.map { " (line \($0))" } ?? "")"
        case .badValue(let key, let value?, let expected): "\(key): \(value.debugDescription) is not \(expected)"
        case .badValue(let key, nil, let expected): "\(key): is not \(expected)"
        }
    }
}
