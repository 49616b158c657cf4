import Yams

/// A `config.yaml` as it was written: every key is kept, also those this program does not know.
///
/// Keys match in any letter case, with all their underscores or with none, at every level; the exact spelling wins
/// (`engines-details.md` 10: older releases wrote such files).
struct ConfigurationDocument {
    private var root: Node.Mapping

    init() {
        root = Node.Mapping([])
    }

    /// - Throws: ``ConfigurationError/notYAML(path:line:)``, also for a document that is no mapping.
    init(yaml: String, path: String) throws(ConfigurationError) {
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw .notYAML(path: path, line: error.line)
        } catch {
            throw .notYAML(path: path, line: nil)
        }
        switch node {
        case nil: root = Node.Mapping([])
        case .mapping(let mapping)?: root = mapping
        case .scalar(let scalar)? where scalar.string.isEmpty || scalar.string == "null": root = Node.Mapping([])
        default: throw .notYAML(path: path, line: 1)
        }
    }

    /// The node at `https.listen_port`.
    subscript(name: String) -> Node? {
        var node = Node.mapping(root)
        for part in name.split(separator: ".") {
            guard case .mapping(let mapping) = node, let key = Self.key(String(part), in: mapping),
                let next = mapping[key]
            else { return nil }
            node = next
        }
        return node
    }

    /// Writes a value where the key stands already, in its spelling there, or at the end.
    mutating func set(_ name: String, to value: Node) {
        var parts = name.split(separator: ".").map(String.init)
        let last = parts.removeLast()
        root = Self.setting(last, to: value, under: parts[...], in: root)
    }

    /// Top-level keys that are not in the list, and nested ones of the mappings that are.
    func unknownKeys(_ known: [ConfigurationKey]) -> [String] {
        let names = known.map(\.name)
        let sections = Set(names.filter { $0.contains(".") }.map { String($0.prefix { $0 != "." }) })
        var unknown: [String] = []
        for (key, value) in root {
            guard let name = key.string else { continue }
            if case .mapping(let section) = value, let known = sections.first(where: { Self.matches(name, $0) }) {
                let inner = section.keys.compactMap(\.string)
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

    /// - Throws: an error of the YAML library, which a tree that was parsed or made here does not cause.
    func text() throws -> String {
        try Yams.serialize(node: .mapping(root), allowUnicode: true)
    }

    private static func setting(
        _ last: String, to value: Node, under sections: ArraySlice<String>, in mapping: Node.Mapping
    ) -> Node.Mapping {
        var mapping = mapping
        guard let section = sections.first else {
            mapping[key(last, in: mapping) ?? Node(last)] = value
            return mapping
        }
        let found = key(section, in: mapping) ?? Node(section)
        var inner = Node.Mapping([])
        if case .mapping(let existing)? = mapping[found] { inner = existing }
        mapping[found] = .mapping(setting(last, to: value, under: sections.dropFirst(), in: inner))
        return mapping
    }

    private static func key(_ name: String, in mapping: Node.Mapping) -> Node? {
        let exact = Node(name)
        if mapping[exact] != nil { return exact }
        return mapping.keys.first { $0.string.map { matches($0, name) } ?? false }
    }

    /// All underscores or none, in any letter case; `listen__port` and `l_istenport` are other keys.
    private static func matches(_ written: String, _ name: String) -> Bool {
        let lower = written.lowercased()
        return lower == name || lower == name.filter { $0 != "_" }
    }
}

extension YamlError {
    fileprivate var line: Int? {
        switch self {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }
}
