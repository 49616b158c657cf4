import CSQLite

/// A prepared statement, kept by its ``Connection`` and used by that one's thread alone.
///
/// Places are counted from 1 when binding, columns from 0 when reading, as SQLite does.
@safe
final class Statement {
    private let handle: OpaquePointer

    /// Takes over the handle.
    init(handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe sqlite3_finalize(handle) }

    var parameterCount: Int { Int(unsafe sqlite3_bind_parameter_count(handle)) }

    /// Goes to the next row.
    /// - Returns: whether there is one. When not, or when it throws, the statement must be ``reset()``.
    func step() throws(SQLiteError) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw failure(code)
        }
    }

    /// Ready to be run again. Says nothing new about a failure: it was thrown by ``step()``.
    func reset() {
        unsafe sqlite3_reset(handle)
    }

    /// Nothing of what was bound stays in memory until the next use.
    func clear() {
        unsafe sqlite3_clear_bindings(handle)
    }

    private func check(_ code: Int32) throws(SQLiteError) {
        if code != SQLITE_OK { throw failure(code) }
    }

    private func failure(_ code: Int32) -> SQLiteError {
        unsafe SQLiteError(code: code, message: String(cString: sqlite3_errmsg(sqlite3_db_handle(handle))))
    }
}

// MARK: Binding

extension Statement {
    /// SQLite copies what is bound: it need not live longer than the call.
    private static var copied: sqlite3_destructor_type { unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    func bindNull(at index: Int32) throws(SQLiteError) {
        try check(unsafe sqlite3_bind_null(handle, index))
    }

    func bind(_ value: Int64, at index: Int32) throws(SQLiteError) {
        try check(unsafe sqlite3_bind_int64(handle, index, value))
    }

    func bind(_ value: Double, at index: Int32) throws(SQLiteError) {
        try check(unsafe sqlite3_bind_double(handle, index, value))
    }

    /// A NUL becomes U+FFFD: SQLite's text ends at the first NUL for most purposes, so `admin\0x` would be found, or
    /// come back, as `admin`.
    func bind(_ text: String, at index: Int32) throws(SQLiteError) {
        var text = text
        let bound = text.withUTF8 { utf8 -> Int32? in
            // A pointer that is NULL would bind NULL, not an empty text.
            guard !utf8.isEmpty else { return unsafe sqlite3_bind_text(handle, index, "", 0, Self.copied) }
            guard unsafe !utf8.contains(0) else { return nil }
            return unsafe sqlite3_bind_text64(
                handle, index, UnsafeRawPointer(utf8.baseAddress)?.assumingMemoryBound(to: CChar.self),
                UInt64(utf8.count), Self.copied, UInt8(SQLITE_UTF8))
        }
        if let bound { return try check(bound) }
        try bind(String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 })), at: index)
    }

    func bind(_ blob: [UInt8], at index: Int32) throws(SQLiteError) {
        // An empty array may have no address, and NULL is another value than an empty blob.
        guard !blob.isEmpty else { return try check(unsafe sqlite3_bind_zeroblob(handle, index, 0)) }
        try check(
            unsafe blob.withUnsafeBytes { bytes in
                unsafe sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), Self.copied)
            })
    }

    func bind(_ values: [SQLValue]) throws(SQLiteError) {
        // SQLite would take NULL for what is missing.
        guard values.count == parameterCount else {
            throw SQLiteError(code: SQLITE_RANGE, message: "a statement and its values disagree")
        }
        var index: Int32 = 0
        for value in values {
            index += 1
            try value.bind(to: self, at: index)
        }
    }
}

// MARK: Reading

extension Statement {
    func isNull(at index: Int32) -> Bool {
        unsafe sqlite3_column_type(handle, index) == SQLITE_NULL
    }

    func integer(at index: Int32, column: String) throws(RowError) -> Int64 {
        try require(SQLITE_INTEGER, at: index, column: column)
        return unsafe sqlite3_column_int64(handle, index)
    }

    func real(at index: Int32, column: String) throws(RowError) -> Double {
        try require(SQLITE_FLOAT, at: index, column: column)
        return unsafe sqlite3_column_double(handle, index)
    }

    /// Bytes that are no UTF-8 are replaced by U+FFFD: a text that other hands damaged is shown, not refused.
    func text(at index: Int32, column: String) throws(RowError) -> String {
        try require(SQLITE_TEXT, at: index, column: column)
        guard let bytes = unsafe sqlite3_column_text(handle, index) else { throw .wrongType(column: column) }
        let count = Int(unsafe sqlite3_column_bytes(handle, index))
        return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func blob(at index: Int32, column: String) throws(RowError) -> [UInt8] {
        try require(SQLITE_BLOB, at: index, column: column)
        // NULL for an empty blob, which is not SQL's NULL.
        guard let bytes = unsafe sqlite3_column_blob(handle, index) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(handle, index))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
    }

    private func require(_ type: Int32, at index: Int32, column: String) throws(RowError) {
        let found = unsafe sqlite3_column_type(handle, index)
        if found == type { return }
        throw found == SQLITE_NULL ? .missing(column: column) : .wrongType(column: column)
    }
}

// MARK: Rows of tables that are not ours

extension Statement {
    var columnCount: Int { Int(unsafe sqlite3_column_count(handle)) }

    func columnName(at index: Int32) -> String {
        guard let name = unsafe sqlite3_column_name(handle, index) else { return "" }
        return unsafe String(cString: name)
    }

    /// Whatever stands there.
    func value(at index: Int32) -> SQLValue {
        let type = unsafe sqlite3_column_type(handle, index)
        switch type {
        case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(handle, index))
        case SQLITE_TEXT: return (try? text(at: index, column: "")).map { .text($0) } ?? .null
        case SQLITE_BLOB: return (try? blob(at: index, column: "")).map { .blob($0) } ?? .null
        default: return .null
        }
    }
}
