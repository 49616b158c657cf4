import Glibc
import Primitives
import Secrets
import YAML

/// The YAML file of an agent. Reading never changes it; writing changes the named keys only and keeps the rest.
package struct ConfigurationFile: Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// The settings of the file, overridden by `NZ_<KEY>` of `environment`, completed and checked.
    ///
    /// An empty `uuid` is made and saved, so that the agent is the same server after a restart. A file that does not
    /// exist is made when the environment has what is needed.
    package func load(environment: [String: String]) throws(ConfigurationError) -> AgentConfiguration {
        var configuration = AgentConfiguration()
        if let text = try read() {
            for (key, node) in try Self.settings(text, path: path) {
                try key.set(key.value(from: node), in: &configuration)
            }
        } else if environment["NZ_SERVER"] == nil || environment["NZ_CLIENT_SECRET"] == nil {
            throw .notFound(path: path)
        }
        for key in ConfigurationKey.all {
            guard let text = environment["NZ_" + key.name.uppercased()] else { continue }
            try key.set(key.value(fromText: text), in: &configuration)
        }
        let isNew = configuration.uuid.isEmpty
        if isNew { configuration.uuid = SecureRandom.uuid() }
        try configuration.complete()
        // Only the id: what the environment says stays out of the file.
        if isNew { try save(["uuid": .text(configuration.uuid)]) }
        return configuration
    }

    /// Sets `key=value` pairs as the command line gives them, checking each value's type.
    package func set(_ assignments: [String]) throws(ConfigurationError) {
        var changes: [String: ConfigurationValue] = [:]
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "=") else { throw .unknownKey(assignment) }
            let name = String(assignment[..<equals])
            guard let key = ConfigurationKey.named(name) else { throw .unknownKey(name) }
            changes[name] = try key.value(fromText: String(assignment[assignment.index(after: equals)...]))
        }
        try save(changes)
    }

    /// Writes all keys of `new` that differ from `old`.
    func save(from old: AgentConfiguration, to new: AgentConfiguration) throws(ConfigurationError) {
        var changes: [String: ConfigurationValue] = [:]
        for key in ConfigurationKey.all where key.value(in: old) != key.value(in: new) {
            changes[key.name] = key.value(in: new)
        }
        try save(changes)
    }

    private func save(_ changes: [String: ConfigurationValue]) throws(ConfigurationError) {
        var root = YAMLNode.Mapping()
        if let text = try read() { root = try Self.mapping(text, path: path) }
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            root[name] = value.node
        }
        let text: String
        do {
            text = try YAMLNode.mapping(root).written()
        } catch {
            throw .unwritable(path: path, reason: "the settings have no YAML form")
        }
        do {
            try AtomicFile.write(Array(text.utf8), to: path, mode: 0o600, folderMode: 0o750)
        } catch {
            throw .unwritable(path: path, reason: error.reason)
        }
    }

    private func read() throws(ConfigurationError) -> String? {
        do {
            let bytes = try AtomicFile.read(path, limit: 1 << 20)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw ConfigurationError.notYAML(path: path, place: "not UTF-8")
            }
            return text
        } catch let error as SystemCallError {
            if error.code == ENOENT { return nil }
            throw .unreadable(path: path, reason: error.reason)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            throw .unreadable(path: path, reason: "unknown reason")
        }
    }

    private static func mapping(_ text: String, path: String) throws(ConfigurationError) -> YAMLNode.Mapping {
        let node: YAMLNode?
        do {
            node = try YAMLNode.read(text)
        } catch {
            // The place alone: the line may hold a secret.
            throw .notYAML(path: path, place: error.line.map { "line \($0)" } ?? "unknown place")
        }
        guard let node, !node.isNull else { return YAMLNode.Mapping() }
        guard let mapping = node.mapping else { throw .notYAML(path: path, place: "line 1") }
        return mapping
    }

    private static func settings(
        _ text: String, path: String
    ) throws(ConfigurationError) -> [(key: ConfigurationKey, node: YAMLNode)] {
        try mapping(text, path: path).pairs.compactMap { pair in
            guard let name = pair.key.string, let key = ConfigurationKey.named(name), !pair.value.isPlainNull else {
                return nil
            }
            return (key, pair.value)
        }
    }
}

extension YAMLNode {
    /// Quoted, the words for nothing are texts; an empty text still says nothing.
    fileprivate var isPlainNull: Bool { isNull && (scalar?.style == .plain || string?.isEmpty == true) }
}

extension ConfigurationKey {
    fileprivate func value(from node: YAMLNode) throws(ConfigurationError) -> ConfigurationValue {
        switch place {
        case .flag:
            guard let flag = node.bool else { throw invalid(node.scalar?.string ?? "a collection") }
            return .flag(flag)
        case .number:
            // Quoted, it is a text that says a number.
            guard let number = node.int.flatMap({ UInt32(exactly: $0) }) ?? node.string.flatMap({ UInt32($0) }) else {
                throw invalid(node.scalar?.string ?? "a collection")
            }
            return .number(number)
        case .text:
            guard let text = node.scalar?.string else { throw invalid("a collection") }
            return .text(text)
        case .list:
            guard let items = node.sequence?.items else { throw invalid(node.scalar?.string ?? "a mapping") }
            let texts = items.compactMap { $0.scalar?.string }
            guard texts.count == items.count else { throw invalid("a nested collection") }
            return .list(texts)
        case .switches:
            guard let mapping = node.mapping else { throw invalid(node.scalar?.string ?? "a list") }
            var switches: [String: Bool] = [:]
            for pair in mapping.pairs {
                guard let name = pair.key.string, let flag = pair.value.bool else { throw invalid("another form") }
                switches[name] = flag
            }
            return .switches(switches)
        }
    }
}

extension ConfigurationValue {
    fileprivate var node: YAMLNode {
        switch self {
        case .flag(let flag): YAMLNode(flag ? "true" : "false")
        case .number(let number): YAMLNode(String(number))
        // Quoted, so that a secret of digits or the word "yes" stays a text.
        case .text(let text): YAMLNode(text, style: .doubleQuoted)
        case .list(let list): .sequence(YAMLNode.Sequence(list.map { ConfigurationValue.text($0).node }))
        case .switches(let switches):
            .mapping(
                YAMLNode.Mapping(
                    switches.sorted { $0.key < $1.key }.map {
                        YAMLNode.Mapping.Pair(
                            key: ConfigurationValue.text($0.key).node, value: ConfigurationValue.flag($0.value).node)
                    }))
        }
    }
}
