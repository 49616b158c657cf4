import FoundationEssentials

extension AgentConfiguration {
    /// The answer to task 12: every key, empty lists and mappings left out (`agent-link-details.md` 2).
    func jsonText() -> String {
        var object: [String: ConfigurationValue] = [:]
        for key in ConfigurationKey.all {
            switch key.value(in: self) {
            case .list(let list) where list.isEmpty: continue
            case .switches(let switches) where switches.isEmpty: continue
            case let value: object[key.name] = value
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts, numbers and flags: encoding them cannot fail.
        guard let data = try? encoder.encode(object) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }

    /// This configuration changed as task 13 says: lists are replaced, `nic_allowlist` is merged key by key, unknown
    /// keys and `null` are ignored.
    /// - Throws: ``ConfigurationError``; its text goes back to the dashboard, so it never quotes a secret.
    func merging(json: String) throws(ConfigurationError) -> AgentConfiguration {
        let object: [String: ConfigurationValue?]
        do {
            object = try JSONDecoder().decode(LooseObject.self, from: Data(json.utf8)).values
        } catch {
            throw .invalid(key: "request", value: "(hidden)", expected: "a JSON object of settings")
        }
        var result = self
        for (name, value) in object.sorted(by: { $0.key < $1.key }) {
            guard let key = ConfigurationKey.named(name) else { continue }
            guard let value else { throw key.invalid("another type") }
            if case .switches(let changes) = value {
                try key.set(.switches(nicAllowlist.merging(changes) { $1 }), in: &result)
            } else {
                try key.set(value.fitting(key), in: &result)
            }
        }
        try result.complete()
        return result
    }
}

extension ConfigurationValue: Encodable {
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .flag(let flag): try container.encode(flag)
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        case .list(let list): try container.encode(list)
        case .switches(let switches): try container.encode(switches)
        }
    }

    /// An empty JSON object or list says nothing of what it would hold.
    fileprivate func fitting(_ key: ConfigurationKey) -> ConfigurationValue {
        switch (key.place, self) {
        case (.switches, .list([])): .switches([:])
        default: self
        }
    }
}

/// A JSON object whose values are of the types that settings have; `nil` for a value of another type, and nothing for
/// `null`.
private struct LooseObject: Decodable {
    var values: [String: ConfigurationValue?] = [:]

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        for key in container.allKeys where try !container.decodeNil(forKey: key) {
            values.updateValue(Self.value(key, in: container), forKey: key.stringValue)
        }
    }

    private static func value(_ key: Key, in container: KeyedDecodingContainer<Key>) -> ConfigurationValue? {
        if let flag = try? container.decode(Bool.self, forKey: key) { return .flag(flag) }
        if let number = try? container.decode(UInt32.self, forKey: key) { return .number(number) }
        if let text = try? container.decode(String.self, forKey: key) { return .text(text) }
        if let list = try? container.decode([String].self, forKey: key) { return .list(list) }
        if let switches = try? container.decode([String: Bool].self, forKey: key) { return .switches(switches) }
        return nil
    }
}
