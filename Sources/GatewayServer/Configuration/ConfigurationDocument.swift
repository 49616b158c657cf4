import YAML

/// A `config.yaml` as it was written: every key is kept, also those this program does not know.
///
/// Keys match in any letter case, with all their underscores or with none, at every level; the exact spelling wins
/// (`engines-details.md` 10: older releases wrote such files).
struct ConfigurationDocument {
    private var root: YAMLNode.Mapping

    init() {
        root = YAMLNode.Mapping()
    }

    /// - Throws: ``ConfigurationError/notYAML(path:line:)``, also for a document that is no mapping.
    init(yaml: String, path: String) throws(ConfigurationError) {
        let node: YAMLNode?
        do throws(YAMLError) {
            node = try YAMLNode.read(yaml)
        } catch {
            throw .notYAML(path: path, line: error.line)
        }
        switch node {
        case nil: root = YAMLNode.Mapping()
        case .mapping(let mapping)?: root = mapping
        case .scalar(let scalar)? where scalar.string.isEmpty || scalar.string == "null": root = YAMLNode.Mapping()
        default: throw .notYAML(path: path, line: 1)
        }
    }

    /// The node at `https.listen_port`.
    subscript(name: String) -> YAMLNode? {
        var node = YAMLNode.mapping(root)
        for part in name.split(separator: ".") {
            guard case .mapping(let mapping) = node, let key = Self.key(String(part), in: mapping),
                let next = mapping[key]
            else { return nil }
            node = next
        }
        return node
    }

    /// Writes a value where the key stands already, in its spelling there, or at the end.
    mutating func set(_ name: String, to value: YAMLNode) {
        var parts = name.split(separator: ".").map(String.init)
        let last = parts.removeLast()
        root = Self.setting(last, to: value, under: parts[...], in: root)
    }

    /// Top-level keys that are not in the list, and nested ones of the mappings that are.
    func unknownKeys(_ known: [ConfigurationKey]) -> [String] {
        let names = known.map(\.name)
        let sections = Set(names.filter { $0.contains(".") }.map { String($0.prefix { $0 != "." }) })
        var unknown: [String] = []
        for pair in root.pairs {
            guard let name = pair.key.string else { continue }
            if case .mapping(let section) = pair.value, let known = sections.first(where: { Self.matches(name, $0) }) {
                let inner = section.pairs.compactMap(\.key.string)
                unknown += inner.filter { part in
                    !names.contains {
                        $0.hasPrefix(known + ".") && Self.matches(part, String($0.dropFirst(known.count + 1)))
                    }
                }.map { "\(name).\($0)" }
            } else if !names.contains(where: { Self.matches(name, $0) }) {
                unknown.append(name)
            }
        }
        return unknown
    }

    /// - Throws: ``YAMLError``, which a tree that was parsed or made here does not cause.
    func text() throws(YAMLError) -> String { try YAMLNode.mapping(root).written() }

    private static func setting(
        _ last: String, to value: YAMLNode, under sections: ArraySlice<String>, in mapping: YAMLNode.Mapping
    ) -> YAMLNode.Mapping {
        var mapping = mapping
        guard let section = sections.first else {
            mapping[key(last, in: mapping) ?? last] = value
            return mapping
        }
        let found = key(section, in: mapping) ?? section
        let inner = mapping[found]?.mapping ?? YAMLNode.Mapping()
        mapping[found] = .mapping(setting(last, to: value, under: sections.dropFirst(), in: inner))
        return mapping
    }

    /// How the key is written there.
    static func key(_ name: String, in mapping: YAMLNode.Mapping) -> String? {
        if mapping[name] != nil { return name }
        return mapping.pairs.lazy.compactMap(\.key.string).first { matches($0, name) }
    }

    /// All underscores or none, in any letter case; `listen__port` and `l_istenport` are other keys.
    private static func matches(_ written: String, _ name: String) -> Bool {
        let lower = written.lowercased()
        return lower == name || lower == name.filter { $0 != "_" }
    }
}
