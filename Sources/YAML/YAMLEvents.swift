private import CYAML

/// A step of a parse.
enum YAMLEvent {
    case documentStart(line: Int)
    case scalar(YAMLNode.Scalar, anchor: [UInt8]?, line: Int)
    case sequenceStart(YAMLNode.CollectionStyle, tag: String?, anchor: [UInt8]?, line: Int)
    case mappingStart(YAMLNode.CollectionStyle, tag: String?, anchor: [UInt8]?, line: Int)
    case alias([UInt8], line: Int)
    /// Of a sequence or mapping.
    case end
    case other(line: Int)

    var line: Int? {
        switch self {
        case .documentStart(let line), .alias(_, let line), .other(let line): line
        case .scalar(_, _, let line), .sequenceStart(_, _, _, let line), .mappingStart(_, _, _, let line): line
        case .end: nil
        }
    }
}

/// All of libyaml's parser: turns a text into events.
@safe
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// The parser keeps a pointer into it.
    private let text: UnsafeMutableBufferPointer<UInt8>

    /// - Throws: ``YAMLError/tooMuch(line:)`` when there is no memory.
    init(_ text: String) throws(YAMLError) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            unsafe parser.deallocate()
            throw .tooMuch(line: nil)
        }
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
        _ = unsafe bytes.initialize(fromContentsOf: text.utf8)
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, text.utf8.count)
        unsafe self.parser = unsafe parser
        unsafe self.text = unsafe bytes
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
        unsafe text.deallocate()
    }

    mutating func next() throws(YAMLError) -> YAMLEvent {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else {
            let error = unsafe parser.pointee.error
            let hasPlace = error == YAML_SCANNER_ERROR || error == YAML_PARSER_ERROR
            throw .syntax(line: hasPlace ? unsafe Int(clamping: parser.pointee.problem_mark.line) + 1 : nil)
        }
        defer { unsafe yaml_event_delete(&event) }
        let line = unsafe Int(clamping: event.start_mark.line) + 1
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT: return .documentStart(line: line)
        case YAML_ALIAS_EVENT: return .alias(unsafe Self.bytes(event.data.alias.anchor) ?? [], line: line)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            let text = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            // Implied either way: no tag was given.
            let isTagged = unsafe scalar.plain_implicit == 0 && scalar.quoted_implicit == 0
            return .scalar(
                YAMLNode.Scalar(
                    unsafe String(decoding: text, as: UTF8.self), style: unsafe Self.style(scalar.style),
                    tag: isTagged ? unsafe Self.text(scalar.tag) : nil),
                anchor: unsafe Self.bytes(scalar.anchor), line: line)
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            return .sequenceStart(
                unsafe start.style == YAML_FLOW_SEQUENCE_STYLE ? .flow : .block,
                tag: unsafe Self.tag(start.tag, implied: "tag:yaml.org,2002:seq"),
                anchor: unsafe Self.bytes(start.anchor), line: line)
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            return .mappingStart(
                unsafe start.style == YAML_FLOW_MAPPING_STYLE ? .flow : .block,
                tag: unsafe Self.tag(start.tag, implied: "tag:yaml.org,2002:map"),
                anchor: unsafe Self.bytes(start.anchor), line: line)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
        default: return .other(line: line)
        }
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLNode.Scalar.Style {
        switch style {
        case YAML_PLAIN_SCALAR_STYLE: .plain
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .any
        }
    }

    private static func tag(_ tag: UnsafePointer<yaml_char_t>?, implied: String) -> String? {
        guard let text = unsafe text(tag), !text.isEmpty, text != implied, text != "!" else { return nil }
        return text
    }

    private static func text(_ text: UnsafePointer<yaml_char_t>?) -> String? {
        unsafe bytes(text).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func bytes(_ text: UnsafePointer<yaml_char_t>?) -> [UInt8]? {
        guard let text = unsafe text else { return nil }
        var count = 0
        while unsafe text[count] != 0 { count += 1 }
        return unsafe Array(UnsafeBufferPointer(start: text, count: count))
    }
}
