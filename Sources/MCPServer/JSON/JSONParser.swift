/// Strict RFC 8259: one value, nothing but white space around it, each key once per object, valid UTF-8, no lone
/// surrogates. What is refused is refused with the byte where it stands.
package enum JSONParser {
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .default
    ) throws(JSONParseError) -> JSONValue {
        try parse(bytes, limits: limits, capturing: nil).value
    }

    /// Also tells where in `bytes` the value at `path` stands, such as `["params", "arguments"]`: an audit hashes those
    /// bytes as they were sent. `captured` is `nil` when the document has no such member.
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .default, capturing path: [String]
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) {
        try parse(bytes, limits: limits, capturing: Optional(path))
    }

    package static func parse(_ text: String, limits: JSONLimits = .default) throws(JSONParseError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    private static func parse(
        _ bytes: [UInt8], limits: JSONLimits, capturing path: [String]?
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) {
        try LentBytes.lend(bytes) {
            (bytes) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?) in
            var reader = JSONReader(bytes, limits: limits, capturing: path)
            let value = try reader.readDocument()
            return (value, reader.captured)
        }
    }
}
