import CSQLite

/// What SQLite answered instead of doing what it was asked for. The message is its own: it names tables and columns at
/// most, no values and no statement.
struct SQLiteError: Error, Equatable {
    /// The extended result code.
    var code: Int32
    var message: String

    /// The first byte of ``code``: the kind of failure.
    var kind: Int32 { code & 0xFF }

    // Swift does not import these, which are sums.
    static let foreignKey = SQLITE_CONSTRAINT | 3 << 8
    static let primaryKey = SQLITE_CONSTRAINT | 6 << 8
    static let unique = SQLITE_CONSTRAINT | 8 << 8
}

/// A row that does not hold what its columns should. It names the column and shows nothing of the row.
enum RowError: Error, Equatable {
    /// NULL where there must be a value.
    case missing(column: String)
    /// A value of another type, such as a blob for a text.
    case wrongType(column: String)
    /// A number that stands for none of the choices.
    case unknownChoice(column: String)
    /// A text that is not the JSON which it should be.
    case unreadableJSON(column: String)

    var column: String {
        switch self {
        case .missing(let column), .wrongType(let column), .unknownChoice(let column), .unreadableJSON(let column):
            column
        }
    }
}
