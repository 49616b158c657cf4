import JSON

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
        // Texts, numbers and flags: encoding them cannot fail.
        guard let value = try? JSONValueEncoder().encode(object) else { return "{}" }
        return value.sortedByName.text
    }

    /// The most bytes of a change; a whole configuration has a hundredth of it.
    static let changeLimit = 256 << 10
    private static let changeLimits = JSONLimits(
        depth: 16, numberLength: 64, nameLength: 256, values: 1 << 14)

    /// This configuration changed as task 13 says: lists are replaced, `nic_allowlist` is merged key by key, unknown
    /// keys and `null` are ignored.
    /// - Throws: ``ConfigurationError``; its text goes back to the dashboard, so it never quotes a secret.
    func merging(json: String) throws(ConfigurationError) -> AgentConfiguration {
        guard json.utf8.count <= Self.changeLimit,
            case .object(let object)? = try? JSONParser.parse(json, limits: Self.changeLimits)
        else { throw .invalid(key: "request", value: "(hidden)", expected: "a JSON object of settings") }
        var result = self
        for (name, value) in object where value != .null {
            guard let key = ConfigurationKey.named(name) else { continue }
            guard let value = ConfigurationValue(value) else { throw key.invalid("another type") }
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

extension ConfigurationValue {
    /// `nil` for a value of a type that no setting has.
    fileprivate init?(_ value: JSONValue) {
        switch value {
        case .bool(let flag):
            self = .flag(flag)
        case .number(let number):
            guard let number = number.uint64.flatMap(UInt32.init(exactly:)) else { return nil }
            self = .number(number)
        case .string(let text):
            self = .text(text)
        case .array(let elements):
            let texts = elements.compactMap(\.stringValue)
            guard texts.count == elements.count else { return nil }
            self = .list(texts)
        case .object(let object):
            var switches: [String: Bool] = [:]
            for (name, value) in object {
                guard let flag = value.boolValue else { return nil }
                switches[name] = flag
            }
            self = .switches(switches)
        case .null:
            return nil
        }
    }
}
