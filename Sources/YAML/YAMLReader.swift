/// What a document may hold at most.
package struct YAMLLimits: Sendable {
    package var depth = 100
    /// Scalars, sequences and mappings, those of an alias counted each time it is used.
    package var nodes = 100_000
    /// Bytes of the text; and of all scalars, with those of aliases.
    package var bytes = 16 << 20

    package init() {}
}

extension YAMLNode {
    /// The one document of a text; nil when there is none. Aliases are replaced by what they name.
    package static func read(_ text: String, limits: YAMLLimits = YAMLLimits()) throws(YAMLError) -> YAMLNode? {
        guard text.utf8.count <= limits.bytes else { throw .tooMuch(line: nil) }
        // Some editors begin a file with a byte order mark, which libyaml takes for a part of the first key.
        let hasMark = text.utf8.starts(with: [0xEF, 0xBB, 0xBF])
        var reader = try YAMLReader(hasMark ? String(text.unicodeScalars.dropFirst()) : text, limits)
        return try reader.document()
    }
}

/// Makes a tree of events.
private struct YAMLReader: ~Copyable {
    private var events: YAMLEvents
    private let depth: Int
    private var nodesLeft: Int
    private var bytesLeft: Int
    private var anchors: [[UInt8]: Measured] = [:]

    /// A part, with what it costs to copy it.
    private struct Measured {
        var node: YAMLNode
        var nodes = 1
        var bytes = 0

        mutating func add(_ part: Measured) {
            nodes += part.nodes
            bytes += part.bytes
        }
    }

    init(_ text: String, _ limits: YAMLLimits) throws(YAMLError) {
        events = try YAMLEvents(text)
        depth = limits.depth
        nodesLeft = limits.nodes
        bytesLeft = limits.bytes
    }

    mutating func document() throws(YAMLError) -> YAMLNode? {
        // The start of the stream.
        _ = try events.next()
        guard case .documentStart = try events.next() else { return nil }
        let root = try node(try events.next(), at: 1).node
        // The end of the document.
        _ = try events.next()
        if case .documentStart(let line) = try events.next() { throw .secondDocument(line: line) }
        return root
    }

    private mutating func node(_ event: YAMLEvent, at level: Int) throws(YAMLError) -> Measured {
        guard level <= depth else { throw .tooMuch(line: event.line) }
        switch event {
        case .alias(let anchor, let line):
            guard let named = anchors[anchor] else { throw .undefinedAlias(line: line) }
            try charge(nodes: named.nodes, bytes: named.bytes, line)
            return named
        case .scalar(let scalar, let anchor, let line):
            let bytes = scalar.string.utf8.count
            try charge(nodes: 1, bytes: bytes, line)
            return remember(Measured(node: .scalar(scalar), bytes: bytes), as: anchor)
        case .sequenceStart(let style, let tag, let anchor, let line):
            try charge(nodes: 1, bytes: 0, line)
            return remember(try sequence(YAMLNode.Sequence(style: style, tag: tag), level), as: anchor)
        case .mappingStart(let style, let tag, let anchor, let line):
            try charge(nodes: 1, bytes: 0, line)
            return remember(try mapping(YAMLNode.Mapping(style: style, tag: tag), level), as: anchor)
        case .documentStart, .end, .other: throw .syntax(line: event.line)
        }
    }

    private mutating func sequence(_ empty: YAMLNode.Sequence, _ level: Int) throws(YAMLError) -> Measured {
        var sequence = empty
        var whole = Measured(node: .sequence(empty))
        while true {
            let event = try events.next()
            if case .end = event { break }
            let item = try node(event, at: level + 1)
            whole.add(item)
            sequence.items.append(item.node)
        }
        whole.node = .sequence(sequence)
        return whole
    }

    private mutating func mapping(_ empty: YAMLNode.Mapping, _ level: Int) throws(YAMLError) -> Measured {
        var mapping = empty
        var whole = Measured(node: .mapping(empty))
        var keys: Set<[UInt8]> = []
        while true {
            let event = try events.next()
            if case .end = event { break }
            let key = try node(event, at: level + 1)
            let value = try node(try events.next(), at: level + 1)
            guard keys.insert(key.node.identity).inserted else { throw .duplicateKey }
            whole.add(key)
            whole.add(value)
            mapping.pairs.append(YAMLNode.Mapping.Pair(key: key.node, value: value.node))
        }
        whole.node = .mapping(mapping)
        return whole
    }

    private mutating func remember(_ measured: Measured, as anchor: [UInt8]?) -> Measured {
        if let anchor { anchors[anchor] = measured }
        return measured
    }

    private mutating func charge(nodes: Int, bytes: Int, _ line: Int) throws(YAMLError) {
        guard nodes <= nodesLeft, bytes <= bytesLeft else { throw .tooMuch(line: line) }
        nodesLeft -= nodes
        bytesLeft -= bytes
    }
}

extension YAMLNode {
    /// Bytes that are the same for keys that mean the same. `1` and `"1"` are a number and a text.
    fileprivate var identity: [UInt8] {
        var bytes: [UInt8] = []
        appendIdentity(to: &bytes)
        return bytes
    }

    private func appendIdentity(to bytes: inout [UInt8]) {
        func append(_ kind: Character, _ count: Int, _ tag: String?) {
            bytes.append(contentsOf: "\(kind)\(count) \(tag ?? "")\0".utf8)
        }
        switch self {
        case .scalar(let scalar):
            append(scalar.isText ? "t" : "v", scalar.string.utf8.count, scalar.tag)
            bytes.append(contentsOf: scalar.string.utf8)
        case .sequence(let sequence):
            append("s", sequence.items.count, sequence.tag)
            for item in sequence.items { item.appendIdentity(to: &bytes) }
        case .mapping(let mapping):
            append("m", mapping.pairs.count, mapping.tag)
            for pair in mapping.pairs {
                pair.key.appendIdentity(to: &bytes)
                pair.value.appendIdentity(to: &bytes)
            }
        }
    }
}

extension YAMLNode.Scalar {
    /// Whether it is a text and not, say, a number: quoted, or a plain word that means nothing else.
    fileprivate var isText: Bool {
        guard style == .plain || style == .any else { return true }
        guard let first = string.utf8.first else { return false }
        let isWord = first | 0x20 >= UInt8(ascii: "a") && first | 0x20 <= UInt8(ascii: "z") || first >= 0x80
        return isWord && !YAMLNode.scalar(self).isNull && YAMLNode.scalar(self).bool == nil
    }
}
