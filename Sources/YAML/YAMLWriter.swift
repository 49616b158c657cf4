private import CYAML

extension YAMLNode {
    /// The node as a document of its own, with the styles and tags it has; lines are folded at 80 columns where that
    /// changes nothing. Ends with a line end.
    /// - Throws: ``YAMLError/unwritable``.
    package func written() throws(YAMLError) -> String {
        var emitter = try YAMLEmitter()
        try emitter.begin()
        try emitter.add(self)
        return try emitter.end()
    }
}

/// All of libyaml's emitter.
@safe
private struct YAMLEmitter: ~Copyable {
    private final class Output {
        var bytes: [UInt8] = []
    }

    private let emitter: UnsafeMutablePointer<yaml_emitter_t>
    /// Collections in brackets around what is written next.
    private var flowLevel = 0
    private let output = Output()

    init() throws(YAMLError) {
        let emitter = UnsafeMutablePointer<yaml_emitter_t>.allocate(capacity: 1)
        guard unsafe yaml_emitter_initialize(emitter) == 1 else {
            unsafe emitter.deallocate()
            throw .unwritable
        }
        unsafe yaml_emitter_set_unicode(emitter, 1)
        unsafe yaml_emitter_set_output(
            emitter,
            { output, bytes, count in
                guard let output = unsafe output, let bytes = unsafe bytes else { return 0 }
                let text = unsafe UnsafeBufferPointer(start: bytes, count: count)
                unsafe Unmanaged<Output>.fromOpaque(output).takeUnretainedValue().bytes.append(contentsOf: text)
                return 1
            },
            // `self` keeps it as long as the emitter.
            Unmanaged.passUnretained(output).toOpaque())
        unsafe self.emitter = unsafe emitter
    }

    deinit {
        unsafe yaml_emitter_delete(emitter)
        unsafe emitter.deallocate()
    }

    mutating func begin() throws(YAMLError) {
        try unsafe emit { unsafe yaml_stream_start_event_initialize($0, YAML_UTF8_ENCODING) }
        try unsafe emit { unsafe yaml_document_start_event_initialize($0, nil, nil, nil, 1) }
    }

    mutating func end() throws(YAMLError) -> String {
        try unsafe emit { unsafe yaml_document_end_event_initialize($0, 1) }
        try unsafe emit { unsafe yaml_stream_end_event_initialize($0) }
        return String(decoding: output.bytes, as: UTF8.self)
    }

    mutating func add(_ node: YAMLNode) throws(YAMLError) {
        switch node {
        case .scalar(let scalar): try add(scalar, canBeEmpty: flowLevel == 0)
        case .sequence(let sequence): try add(sequence)
        case .mapping(let mapping): try add(mapping)
        }
    }

    /// - Parameter canBeEmpty: libyaml can leave a place empty here; elsewhere it would write an empty text instead of
    ///   nothing.
    private mutating func add(_ scalar: YAMLNode.Scalar, canBeEmpty: Bool) throws(YAMLError) {
        let isImplied: Int32 = scalar.tag == nil ? 1 : 0
        var text = Array(scalar.string.utf8)
        if text.isEmpty, scalar.style == .plain, scalar.tag == nil, !canBeEmpty { text = Array("null".utf8) }
        guard let length = Int32(exactly: text.count) else { throw .unwritable }
        try unsafe emit {
            unsafe yaml_scalar_event_initialize(
                $0, nil, Self.terminated(scalar.tag), text + [0], length, isImplied, isImplied,
                // A new text that is empty is no empty place.
                text.isEmpty && scalar.style == .any ? YAML_SINGLE_QUOTED_SCALAR_STYLE : Self.style(scalar.style))
        }
    }

    private mutating func add(_ sequence: YAMLNode.Sequence) throws(YAMLError) {
        let style =
            switch sequence.style {
            case .any: YAML_ANY_SEQUENCE_STYLE
            case .block: YAML_BLOCK_SEQUENCE_STYLE
            case .flow: YAML_FLOW_SEQUENCE_STYLE
            }
        try unsafe emit {
            unsafe yaml_sequence_start_event_initialize(
                $0, nil, Self.terminated(sequence.tag), sequence.tag == nil ? 1 : 0, style)
        }
        flowLevel += sequence.style == .flow || flowLevel > 0 ? 1 : 0
        for item in sequence.items { try add(item) }
        flowLevel = max(0, flowLevel - 1)
        try unsafe emit { unsafe yaml_sequence_end_event_initialize($0) }
    }

    private mutating func add(_ mapping: YAMLNode.Mapping) throws(YAMLError) {
        let style =
            switch mapping.style {
            case .any: YAML_ANY_MAPPING_STYLE
            case .block: YAML_BLOCK_MAPPING_STYLE
            case .flow: YAML_FLOW_MAPPING_STYLE
            }
        try unsafe emit {
            unsafe yaml_mapping_start_event_initialize(
                $0, nil, Self.terminated(mapping.tag), mapping.tag == nil ? 1 : 0, style)
        }
        flowLevel += mapping.style == .flow || flowLevel > 0 ? 1 : 0
        for pair in mapping.pairs {
            if case .scalar(let key) = pair.key { try add(key, canBeEmpty: false) } else { try add(pair.key) }
            try add(pair.value)
        }
        flowLevel = max(0, flowLevel - 1)
        try unsafe emit { unsafe yaml_mapping_end_event_initialize($0) }
    }

    /// `make` returns what the function says that made the event. The emitter owns an event that it was given, also
    /// when it fails.
    private mutating func emit(_ make: (UnsafeMutablePointer<yaml_event_t>) -> Int32) throws(YAMLError) {
        var event = unsafe yaml_event_t()
        guard unsafe make(&event) == 1, unsafe yaml_emitter_emit(emitter, &event) == 1 else { throw .unwritable }
    }

    /// A C text.
    private static func terminated(_ text: String?) -> [UInt8]? { text.map { Array($0.utf8) + [0] } }

    private static func style(_ style: YAMLNode.Scalar.Style) -> yaml_scalar_style_t {
        switch style {
        case .any: YAML_ANY_SCALAR_STYLE
        case .plain: YAML_PLAIN_SCALAR_STYLE
        case .singleQuoted: YAML_SINGLE_QUOTED_SCALAR_STYLE
        case .doubleQuoted: YAML_DOUBLE_QUOTED_SCALAR_STYLE
        case .literal: YAML_LITERAL_SCALAR_STYLE
        case .folded: YAML_FOLDED_SCALAR_STYLE
        }
    }
}
