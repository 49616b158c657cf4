/// One rule that an instance broke. Says where and which rule, never what the value was: that may be a secret.
public struct SchemaViolation: Sendable, Hashable {
    /// RFC 6901 pointer into the instance; empty for the root. A missing or unknown property is pointed at itself.
    public let pointer: String
    /// The keyword of the schema that was broken, such as `minimum`.
    public let keyword: String
    /// Such as `must be >= 1`.
    public let message: String

    public init(pointer: String, keyword: String, message: String) {
        self.pointer = pointer
        self.keyword = keyword
        self.message = message
    }
}

extension SchemaViolation: CustomStringConvertible {
    /// Such as `/length: must be >= 1`.
    public var description: String {
        "\(pointer.isEmpty ? "(root)" : shortPointer): \(message)"
    }

    /// The caller chose the names in a pointer, so they are cut before they flood an answer or a log.
    private var shortPointer: String {
        let scalars = pointer.unicodeScalars
        guard scalars.count > 200 else { return pointer }
        return String(String.UnicodeScalarView(scalars.prefix(200))) + "…"
    }
}
