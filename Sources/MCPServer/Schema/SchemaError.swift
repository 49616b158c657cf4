/// Why a document is not a schema that this validator can honour. Found when a schema is compiled, never later.
package enum SchemaError: Error, Sendable, Hashable {
    /// A schema is an object or a boolean.
    case notASchema(pointer: String, found: String)
    /// Ignoring a keyword would accept what the schema's author meant to refuse.
    case unsupportedKeyword(pointer: String, keyword: String)
    /// `$schema` names another dialect than 2020-12.
    case unsupportedDialect(String)
    case invalidKeyword(pointer: String, keyword: String, expected: String)
    /// Only references within the document are followed: `#` and `#/…`.
    case unsupportedReference(pointer: String, reference: String)
    case unresolvedReference(pointer: String, reference: String)
    /// The schema refers to itself without descending into the instance.
    case endlessReference(pointer: String)
    case unsupportedPattern(pointer: String, keyword: String, pattern: String, reason: PatternError)
}

extension SchemaError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notASchema(let pointer, let found):
            "\(Self.place(pointer)): expected a schema, found \(found)"
        case .unsupportedKeyword(let pointer, let keyword):
            "\(Self.place(pointer)): unsupported keyword \"\(keyword)\""
        case .unsupportedDialect(let dialect):
            "unsupported dialect \"\(dialect)\""
        case .invalidKeyword(let pointer, let keyword, let expected):
            "\(Self.place(pointer)): \"\(keyword)\" must be \(expected)"
        case .unsupportedReference(let pointer, let reference):
            "\(Self.place(pointer)): unsupported reference \"\(reference)\""
        case .unresolvedReference(let pointer, let reference):
            "\(Self.place(pointer)): nothing at reference \"\(reference)\""
        case .endlessReference(let pointer):
            "\(Self.place(pointer)): refers to itself without end"
        case .unsupportedPattern(let pointer, let keyword, let pattern, let reason):
            "\(Self.place(pointer)): \"\(keyword)\" has pattern \"\(pattern)\": \(reason)"
        }
    }

    private static func place(_ pointer: String) -> String { pointer.isEmpty ? "(root)" : pointer }
}
