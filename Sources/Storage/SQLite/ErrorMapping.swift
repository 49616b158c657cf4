import GRDB

/// Turns what GRDB throws into ``StorageError``. Statements and values stay out of it; SQLite's own messages name
/// tables and columns at most.
enum ErrorMapping {
    static func error(_ error: any Error, path: String) -> any Error {
        switch error {
        case let error as StorageError: error
        case let error as CancellationError: error
        case let error as DatabaseError: storageError(error, path: path)
        case RecordError.recordNotFound: StorageError.notFound
        // The description of a decoding error shows the row.
        case is RowDecodingError: StorageError.failed("a row cannot be read")
        default: StorageError.failed("unexpected \(type(of: error))")
        }
    }

    private static func storageError(_ error: DatabaseError, path: String) -> StorageError {
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY:
            return .duplicate(field: duplicateField(error.message ?? ""))
        case .SQLITE_CONSTRAINT_FOREIGNKEY:
            // The row that is referred to is not there, or not any more.
            return .notFound
        default:
            break
        }
        switch error.resultCode {
        case .SQLITE_NOTADB, .SQLITE_CORRUPT: return .notADatabase(path: path)
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: return .notWritable(path: path)
        default:
            return .failed("SQLite error \(error.extendedResultCode.rawValue): \(error.message ?? "no message")")
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
