/// One rule that an instance broke. Says where and which rule, never what the value was: that may be a secret.
package struct SchemaViolation: Sendable, Hashable {
    /// RFC 6901 pointer into the instance; empty for the root. A missing or unknown property is pointed at itself.
    package let pointer: String
    /// The keyword of the schema that was broken, such as `minimum`.
    package let keyword: String
    /// Such as `must be >= 1`.
    package let message: String

    package init(pointer: String, keyword: String, message: String) {
        self.pointer = pointer
        self.keyword = keyword
        self.message = message
    }
}

extension SchemaViolation: CustomStringConvertible {
    /// Such as `/length: must be >= 1`.
    package var description: String {
        "\(pointer.isEmpty ? "(root)" : shortPointer): \(message)"
    }

    /// The caller chose the names in a pointer, so they are cut before they flood an answer or a log.
    private var shortPointer: String {
        let scalars = pointer.unicodeScalars
        guard scalars.count > 200 else { return pointer }
        return String(String.UnicodeScalarView(scalars.prefix(200))) + "…"
    }
}
