import CSQLite

/// One connection to a database file, and the statements that were prepared on it. Used by one thread at a time: the one
/// that made it.
@safe
final class Connection {
    enum Access: Sendable {
        case readOnly, readWrite
    }

    private let handle: OpaquePointer
    private var isOpen = true
    /// By their text. All texts are the program's own, with places for values, so there is an end to them.
    private var statements: [String: Statement] = [:]
    private let interruption = Interruption()

    /// Opens a file that exists.
    /// - Parameters:
    ///   - path: absolute, so that SQLite takes it for a path and not for a URI.
    ///   - patience: how long it waits for another process, or another connection, that holds the database.
    init(path: String, access: Access, patience: Duration = .seconds(5)) throws(SQLiteError) {
        let flags = (access == .readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
        guard code == SQLITE_OK, let handle = unsafe opened else {
            let extended = unsafe opened == nil ? code : sqlite3_extended_errcode(opened)
            unsafe sqlite3_close_v2(opened)
            throw SQLiteError(code: extended, message: unsafe String(cString: sqlite3_errstr(code)))
        }
        unsafe self.handle = handle
        unsafe sqlite3_extended_result_codes(handle, 1)
        unsafe sqlite3_busy_timeout(handle, Int32(patience / .milliseconds(1)))
        // A mistyped column name is an error, not a text.
        unsafe sqlite3_db_config_switch(handle, SQLITE_DBCONFIG_DQS_DML, 0)
        unsafe sqlite3_db_config_switch(handle, SQLITE_DBCONFIG_DQS_DDL, 0)
        unsafe sqlite3_progress_handler(
            handle, 1000,
            { context in
                guard let context = unsafe context else { return 0 }
                return unsafe Unmanaged<Interruption>.fromOpaque(context).takeUnretainedValue().isWanted ? 1 : 0
            }, Unmanaged.passUnretained(interruption).toOpaque())
    }

    deinit { try? close() }

    /// Ends all statements and closes; nothing may be asked afterwards.
    /// - Throws: when something still uses it; it is closed as soon as that ends, then.
    func close() throws(SQLiteError) {
        guard isOpen else { return }
        isOpen = false
        statements = [:]
        unsafe sqlite3_progress_handler(handle, 0, nil, nil)
        let code = unsafe sqlite3_close(handle)
        guard code != SQLITE_OK else { return }
        unsafe sqlite3_close_v2(handle)
        throw SQLiteError(code: code, message: unsafe String(cString: sqlite3_errstr(code)))
    }

    /// The statement of that text: a new one at first, the same one from then on.
    func statement(_ sql: String) throws(SQLiteError) -> Statement {
        if let statement = statements[sql] { return statement }
        try requireOpen()
        var prepared: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK else { throw failure(code) }
        guard let prepared = unsafe prepared else { throw SQLiteError(code: SQLITE_MISUSE, message: "no statement") }
        let statement = unsafe Statement(handle: prepared)
        statements[sql] = statement
        return statement
    }

    /// Runs several statements, separated by semicolons, that have no values and no result. For the schema and settings.
    func execute(script: String) throws(SQLiteError) {
        try requireOpen()
        let code = unsafe sqlite3_exec(handle, script, nil, nil, nil)
        if code != SQLITE_OK { throw failure(code) }
    }

    /// The id of the row that was inserted last.
    var lastInsertedID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

    /// How many rows the last insertion, update or deletion met itself; not those that foreign keys took along.
    var changes: Int { Int(unsafe sqlite3_changes64(handle)) }

    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// Moves what is in the write-ahead log into the file, and makes the log empty.
    func checkpoint() throws(SQLiteError) {
        try requireOpen()
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        if code != SQLITE_OK { throw failure(code) }
    }

    private func requireOpen() throws(SQLiteError) {
        if !isOpen { throw SQLiteError(code: SQLITE_MISUSE, message: "the connection is closed") }
    }

    private func failure(_ code: Int32) -> SQLiteError {
        unsafe SQLiteError(code: code, message: String(cString: sqlite3_errmsg(handle)))
    }
}

// MARK: Transactions

extension Connection {
    /// What the running read is told to end by; only this connection's thread writes it.
    private final class Interruption {
        var cancellation: Cancellation?
        var isWanted: Bool { cancellation?.isCancelled ?? false }
    }

    /// Runs one transaction, all or nothing. It begins as a writing one: begun as a reading one, it could find the
    /// database busy in its midst, where waiting does not help.
    @discardableResult
    func write<Value>(_ body: (Connection) throws -> Value) throws -> Value {
        try transaction("BEGIN IMMEDIATE", body)
    }

    /// Reads one snapshot.
    /// - Throws: `CancellationError` when `cancellation` was cancelled before the end; also in the middle of a statement.
    func read<Value>(cancellation: Cancellation? = nil, _ body: (Connection) throws -> Value) throws -> Value {
        interruption.cancellation = cancellation
        defer { interruption.cancellation = nil }
        if interruption.isWanted { throw CancellationError() }
        do {
            return try transaction("BEGIN DEFERRED", body)
        } catch let error as SQLiteError where error.kind == SQLITE_INTERRUPT && cancellation?.isCancelled == true {
            throw CancellationError()
        }
    }

    private func transaction<Value>(_ begin: String, _ body: (Connection) throws -> Value) throws -> Value {
        try run(begin)
        do {
            let value = try body(self)
            try run("COMMIT")
            return value
        } catch {
            // SQLite itself ends it after some failures (a full disk). When even taking it back fails, the pool opens
            // another connection.
            interruption.cancellation = nil
            if isInTransaction { _ = try? run("ROLLBACK") }
            throw error
        }
    }
}

// MARK: Statements

extension Connection {
    /// Runs a statement to its end.
    /// - Returns: how many rows it changed.
    @discardableResult
    func run(_ sql: String, _ values: SQLValue...) throws -> Int { try run(sql, values) }

    @discardableResult
    func run(_ sql: String, _ values: [SQLValue]) throws -> Int {
        try using(sql, values) { statement in
            while try statement.step() {}
        }
        return changes
    }

    /// What `read` makes of each row.
    func rows<Value>(_ sql: String, _ values: [SQLValue], _ read: (Statement) throws -> Value) throws -> [Value] {
        try using(sql, values) { statement in
            var rows: [Value] = []
            while try statement.step() { rows.append(try read(statement)) }
            return rows
        }
    }

    /// What `read` makes of the first row, if there is one.
    func row<Value>(_ sql: String, _ values: [SQLValue], _ read: (Statement) throws -> Value) throws -> Value? {
        try using(sql, values) { try $0.step() ? try read($0) : nil }
    }

    /// Lends the statement, with its values, and makes it ready for the next use, also after a failure.
    func using<Result>(_ sql: String, _ values: [SQLValue] = [], _ body: (Statement) throws -> Result) throws -> Result
    {
        let statement = try statement(sql)
        defer {
            statement.reset()
            statement.clear()
        }
        try statement.bind(values)
        return try body(statement)
    }
}
