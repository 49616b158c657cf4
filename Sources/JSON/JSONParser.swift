/// Strict RFC 8259: one value, nothing but white space around it, each key once per object, valid UTF-8. Half a
/// pair of surrogates reads as U+FFFD. What is refused is refused with the byte where it stands.
package enum JSONParser {
    package static func parse(
        _ bytes: [UInt8], limits: JSONLimits = .default
    ) throws(JSONParseError) -> JSONValue {
        try read(bytes, limits: limits, capturing: nil).value
    }

    /// Also tells where in `bytes` the value at `path` stands, such as `["params", "arguments"]`: an audit hashes those
    /// bytes as they were sent. `captured` is `nil` when the document has no such member.
    ///
    /// A fault within the captured value does not keep the rest from being read: what has it reads as `null`, and `fault` is
    /// the first. For an envelope, which must be answered by its id. Nesting, the length of numbers and keys that come twice
    /// are such faults; damaged syntax is none.
    package static func parseTolerant(
        _ bytes: [UInt8], limits: JSONLimits = .default, capturing path: [String]
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?, fault: JSONParseError?) {
        try read(bytes, limits: limits, capturing: path)
    }

    package static func parse(_ text: String, limits: JSONLimits = .default) throws(JSONParseError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    private static func read(
        _ bytes: [UInt8], limits: JSONLimits, capturing path: [String]?
    ) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?, fault: JSONParseError?) {
        try LentBytes.lend(bytes) {
            (bytes) throws(JSONParseError) -> (value: JSONValue, captured: Range<Int>?, fault: JSONParseError?) in
            var reader = JSONReader(bytes, limits: limits, capturing: path)
            let value = try reader.readDocument()
            return (value, reader.captured, reader.fault)
        }
    }
}
