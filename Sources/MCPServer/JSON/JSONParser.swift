/// Strict RFC 8259: one value, nothing but white space around it, each key once per object, valid UTF-8, no lone
/// surrogates. What is refused is refused with the byte where it stands.
public enum JSONParser {
    public static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .default
    ) throws(JSONParseError) -> JSONValue {
        try parse(bytes, limits: limits, capturing: nil).value
    }

    /// Also tells where in `bytes` the value at `path` stands, such as `["params", "arguments"]`: an audit hashes those
    /// bytes as they were sent. `captured` is `nil` when the document has no such member.
    public static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .default, capturing path: [String]
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) {
        try parse(bytes, limits: limits, capturing: Optional(path))
    }

    public static func parse(_ text: String, limits: JSONLimits = .default) throws(JSONParseError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    /// For bytes that stay where they are, such as those of a network buffer.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = .default, capturing path: [String]? = nil
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) {
        var reader = JSONReader(bytes.bindMemory(to: UInt8.self), limits: limits, capturing: path)
        let value = try reader.readDocument()
        return (value, reader.captured)
    }

    private static func parse(
        _ bytes: [UInt8], limits: JSONLimits, capturing path: [String]?
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) {
        try bytes.withUnsafeBufferPointer {
            (buffer) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) in
            var reader = JSONReader(buffer, limits: limits, capturing: path)
            let value = try reader.readDocument()
            return (value, reader.captured)
        }
    }
}
