import Primitives

/// One setting: its name in YAML and JSON, its type and its place in ``AgentConfiguration``. Reading, writing, the
/// environment and the tasks 12–14 all go through this table.
struct ConfigurationKey: Sendable {
    enum Place: Sendable {
        case flag(any WritableKeyPath<AgentConfiguration, Bool> & Sendable)
        case number(any WritableKeyPath<AgentConfiguration, UInt32> & Sendable)
        case text(any WritableKeyPath<AgentConfiguration, String> & Sendable)
        case list(any WritableKeyPath<AgentConfiguration, [String]> & Sendable)
        case switches(any WritableKeyPath<AgentConfiguration, [String: Bool]> & Sendable)
    }

    let name: String
    let place: Place

    init(_ name: String, _ place: Place) {
        self.name = name
        self.place = place
    }

    static let all: [ConfigurationKey] = [
        ConfigurationKey("server", .text(\.server)),
        ConfigurationKey("client_secret", .text(\.clientSecret)),
        ConfigurationKey("uuid", .text(\.uuid)),
        ConfigurationKey("tls", .flag(\.tls)),
        ConfigurationKey("insecure_tls", .flag(\.insecureTLS)),
        ConfigurationKey("debug", .flag(\.debug)),
        ConfigurationKey("report_delay", .number(\.reportDelay)),
        ConfigurationKey("ip_report_period", .number(\.ipReportPeriod)),
        ConfigurationKey("self_update_period", .number(\.selfUpdatePeriod)),
        ConfigurationKey("gpu", .flag(\.gpu)),
        ConfigurationKey("temperature", .flag(\.temperature)),
        ConfigurationKey("skip_connection_count", .flag(\.skipConnectionCount)),
        ConfigurationKey("skip_procs_count", .flag(\.skipProcsCount)),
        ConfigurationKey("disable_auto_update", .flag(\.disableAutoUpdate)),
        ConfigurationKey("disable_force_update", .flag(\.disableForceUpdate)),
        ConfigurationKey("disable_command_execute", .flag(\.disableCommandExecute)),
        ConfigurationKey("disable_nat", .flag(\.disableNAT)),
        ConfigurationKey("disable_send_query", .flag(\.disableSendQuery)),
        ConfigurationKey("use_ipv6_country_code", .flag(\.useIPv6CountryCode)),
        ConfigurationKey("use_gitee_to_upgrade", .flag(\.useGiteeToUpgrade)),
        ConfigurationKey("use_atomgit_to_upgrade", .flag(\.useAtomGitToUpgrade)),
        ConfigurationKey("custom_ip_api", .list(\.customIPAPI)),
        ConfigurationKey("dns", .list(\.dns)),
        ConfigurationKey("nic_allowlist", .switches(\.nicAllowlist)),
        ConfigurationKey("hard_drive_partition_allowlist", .list(\.hardDrivePartitionAllowlist)),
    ]

    static func named(_ name: String) -> ConfigurationKey? {
        all.first { $0.name == name }
    }

    /// For error texts.
    var expected: String {
        switch place {
        case .flag: "true or false"
        case .number: "a whole number from 0 to 4294967295"
        case .text: "a text"
        case .list: "a list of texts"
        case .switches: "a mapping of names to true or false"
        }
    }

    /// Stores `value` in `configuration`.
    /// - Throws: ``ConfigurationError/invalid(key:value:expected:)`` when it has another type.
    func set(_ value: ConfigurationValue, in configuration: inout AgentConfiguration) throws(ConfigurationError) {
        switch (place, value) {
        case (.flag(let path), .flag(let flag)): configuration[keyPath: path] = flag
        case (.number(let path), .number(let number)): configuration[keyPath: path] = number
        case (.text(let path), .text(let text)): configuration[keyPath: path] = text
        case (.list(let path), .list(let list)): configuration[keyPath: path] = list
        case (.switches(let path), .switches(let switches)): configuration[keyPath: path] = switches
        default: throw invalid(value.text)
        }
    }

    func value(in configuration: AgentConfiguration) -> ConfigurationValue {
        switch place {
        case .flag(let path): .flag(configuration[keyPath: path])
        case .number(let path): .number(configuration[keyPath: path])
        case .text(let path): .text(configuration[keyPath: path])
        case .list(let path): .list(configuration[keyPath: path])
        case .switches(let path): .switches(configuration[keyPath: path])
        }
    }

    /// The value written as text in the environment or on the command line: lists are separated by commas, entries of
    /// a mapping are `name` or `name=false`.
    func value(fromText text: String) throws(ConfigurationError) -> ConfigurationValue {
        switch place {
        case .text: return .text(text)
        case .flag:
            guard let flag = Self.flag(text) else { throw invalid(text) }
            return .flag(flag)
        case .number:
            guard let number = UInt32(text) else { throw invalid(text) }
            return .number(number)
        case .list:
            return .list(Self.parts(text))
        case .switches:
            var switches: [String: Bool] = [:]
            for part in Self.parts(text) {
                let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
                guard let flag = sides.count == 1 ? true : Self.flag(sides[1]) else { throw invalid(text) }
                switches[sides[0]] = flag
            }
            return .switches(switches)
        }
    }

    func invalid(_ value: String) -> ConfigurationError {
        .invalid(key: name, value: name == "client_secret" ? "(hidden)" : value, expected: expected)
    }

    private static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "1", "yes", "on": true
        case "false", "0", "no", "off", "": false
        default: nil
        }
    }

    private static func parts(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.trimmingWhitespace()) }.filter { !$0.isEmpty }
    }
}

/// A value of a setting, whatever it was written in.
enum ConfigurationValue: Sendable, Equatable {
    case flag(Bool)
    case number(UInt32)
    case text(String)
    case list([String])
    case switches([String: Bool])

    /// For error texts.
    var text: String {
        switch self {
        case .flag(let flag): String(flag)
        case .number(let number): String(number)
        case .text(let text): text
        case .list(let list): list.joined(separator: ",")
        case .switches(let switches): switches.keys.sorted().joined(separator: ",")
        }
    }
}
