import CSQLite

/// Turns what the engine throws into ``StorageError``. Statements and values stay out of it; SQLite's own messages name
/// tables and columns at most.
enum ErrorMapping {
    static func error(_ error: any Error, path: String) -> any Error {
        switch error {
        case let error as StorageError: error
        case let refused as Refused: refused.reason
        case let error as CancellationError: error
        case let error as SQLiteError: storageError(error, path: path)
        case RowError.unknownChoice(let column): StorageError.failed("unknown value in column \(column)")
        case let error as RowError: StorageError.failed("column \(error.column) cannot be read")
        case let error as ConnectionPool.Refusal: StorageError.failed(text(error))
        default: StorageError.failed("unexpected \(type(of: error))")
        }
    }

    private static func storageError(_ error: SQLiteError, path: String) -> StorageError {
        switch error.code {
        case SQLiteError.unique, SQLiteError.primaryKey:
            return .duplicate(field: duplicateField(error.message))
        case SQLiteError.foreignKey:
            // The row that is referred to is not there, or not any more.
            return .notFound
        default:
            break
        }
        switch error.kind {
        case SQLITE_NOTADB, SQLITE_CORRUPT: return .notADatabase(path: path)
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM: return .notWritable(path: path)
        default: return .failed("SQLite error \(error.code): \(error.message)")
        }
    }

    private static func text(_ refusal: ConnectionPool.Refusal) -> String {
        switch refusal {
        case .closed: "the database is closed"
        case .full: "too much waits for the database"
        case .noThread: "no thread for the database"
        }
    }

    /// From `UNIQUE constraint failed: api_tokens.token_hash` to `tokenHash`.
    private static func duplicateField(_ message: String) -> String {
        guard let column = message.split(separator: ".").last else { return "" }
        if let known = ["key_id": "keyID", "user_id": "userID"][String(column)] { return known }
        let words = column.split(separator: "_")
        return words.prefix(1).joined() + words.dropFirst().map { $0.capitalized }.joined()
    }
}

extension Substring {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
