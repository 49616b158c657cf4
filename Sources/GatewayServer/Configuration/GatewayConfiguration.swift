package import Settings

/// The whole of `config.yaml` as this program understands it (`engines.md` 10).
package struct GatewayConfiguration: Sendable {
    /// What tools and endpoints read while running; the part that `PATCH /setting` can change is in it.
    package var settings = GatewaySettings()
    /// 0 picks a free port.
    package var listenPort = 8008
    package var https = HTTPS()
    /// Agents that know it may speak for any server; its new servers belong to nobody.
    package var agentSecretKey = ""
    /// Signs log-in sessions.
    package var jwtSecretKey = ""
    /// Ours: keys the hashes of tokens and agent secrets, and seals what must be readable again. 64 hex digits.
    package var dataSecretKey = ""
    /// The time zone of schedules and days.
    package var location = "UTC"
    package var avgPingCount = 2
    /// Networks that notifications and web hooks may reach although they are not public.
    package var notificationAllowPrivate: [String] = []
    /// In the order in which pages show them.
    package var oauth2: [OAuth2Provider] = []
    /// Ours: a file in the MaxMind format that tells the countries of agents' addresses; empty = none are told.
    package var geoIPDatabase = ""
    /// Ours: host and port where `/metrics` is answered without a credential, such as `127.0.0.1:9108`; empty = nowhere.
    package var metricsListen = ""

    package init() {}

    /// The listener with TLS; off while `listenPort` is 0.
    package struct HTTPS: Sendable, Hashable {
        package var insecureTLS = false
        package var listenPort = 0
        package var certificatePath = ""
        package var keyPath = ""
    }
}

/// Why a configuration cannot be used. Never carries the value of a secret.
package enum ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    case notReadable(path: String)
    case notText(path: String)
    /// Bytes.
    case tooLarge(path: String, limit: Int)
    case notWritable(path: String)
    case notYAML(path: String, line: Int?)
    /// `value` is `nil` for secrets.
    case badValue(key: String, value: String?, expected: String)

    package var description: String {
        switch self {
        case .notReadable(let path): "\(path): cannot be read"
        case .notText(let path): "\(path): not UTF-8"
        case .tooLarge(let path, let limit): "\(path): larger than \(limit) bytes"
        case .notWritable(let path): "\(path): cannot be written"
        case .notYAML(let path, let line): "\(path): no valid YAML\(line.map { " (line \($0))" } ?? "")"
        case .badValue(let key, let value?, let expected): "\(key): \(value.debugDescription) is not \(expected)"
        case .badValue(let key, nil, let expected): "\(key): is not \(expected)"
        }
    }
}
