import Glibc
package import Logging

/// Opens the database file.
package enum SQLiteDatabase {
    /// What the file is opened for.
    package enum Mode: Sendable {
        /// The one gateway of this file: holds an exclusive lock on `<path>.lock` until closed.
        case serve
        /// A short visit of the command line, also while a gateway serves the file.
        case tool
    }

    /// Opens the file, creating it (mode 0600, its folder 0700) and bringing its schema up to date as needed.
    ///
    /// Blocks, for some seconds at worst; call it at start, not from a task among others.
    /// - Parameter forms: the forms that it holds.
    /// - Throws: ``StorageError``: `alreadyServed`, `notWritable`, `notADatabase`, `foreignDatabase`, `newerSchema`.
    package static func open(
        path: String, mode: Mode, forms: [any Form.Type] = Forms.all, logger: Logger
    ) throws -> SQLiteHandle {
        let files = try DatabaseFiles(path: path)
        let forms = forms + Forms.kept
        do {
            try files.createFolder()
            return switch mode {
            case .serve: try serve(files, forms, logger: logger)
            case .tool: try visit(files, forms, logger: logger)
            }
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    /// How long a gateway waits for the lock: a tool holds it for a moment while it looks after the schema.
    private static let patienceOfServe = Duration.seconds(1)
    /// How long a tool waits for a gateway that is just starting to finish the schema.
    private static let patienceOfTool = Duration.seconds(3)

    private static func serve(_ files: DatabaseFiles, _ forms: [any Form.Type], logger: Logger) throws -> SQLiteHandle {
        let lock = try poll(for: patienceOfServe) { try FileLock.acquire(files) }
        guard let lock else { throw StorageError.alreadyServed(path: files.path) }
        let writer = try openAndMigrate(files, forms, logger: logger)
        return handle(files, writer: writer, lock: lock, logger: logger)
    }

    private static func visit(_ files: DatabaseFiles, _ forms: [any Form.Type], logger: Logger) throws -> SQLiteHandle {
        let writer = try poll(for: patienceOfTool) { () -> ConnectionPool? in
            if let lock = try FileLock.acquire(files) {
                // Nobody else may change the schema meanwhile.
                defer { lock.release() }
                return try openAndMigrate(files, forms, logger: logger)
            }
            guard try SchemaState.inspect(files, forms) == .current else { return nil }
            return try openWriter(files, logger: logger)
        }
        // Still locked and not up to date: an older gateway serves it, whose tables must not change under it.
        guard let writer else { throw StorageError.alreadyServed(path: files.path) }
        return handle(files, writer: writer, lock: nil, logger: logger)
    }

    private static func openAndMigrate(
        _ files: DatabaseFiles, _ forms: [any Form.Type], logger: Logger
    ) throws -> ConnectionPool {
        let state = try SchemaState.inspect(files, forms)
        try files.createFile()
        let writer = try openWriter(files, logger: logger)
        let wasRewritten = try writer.wait { try $0.allowCompaction() }
        if wasRewritten, state == .current {
            logger.info("database was written anew, so that it can be compacted", metadata: ["path": "\(files.path)"])
        }
        if state != .current {
            try writer.wait { try Migrations.apply(forms, to: $0) }
            logger.info("database schema is up to date", metadata: ["path": "\(files.path)"])
        }
        return writer
    }

    private static func handle(
        _ files: DatabaseFiles, writer: ConnectionPool, lock: FileLock?, logger: Logger
    ) -> SQLiteHandle {
        let path = files.path
        let readers = ConnectionPool(size: SQLiteConnection.readerCount) {
            try connection(path: path, access: .readOnly)
        }
        return SQLiteHandle(
            SQLiteConnection(writer: writer, readers: readers, path: path, lock: lock, logger: logger))
    }

    /// A pool of one thread, which has the file open when this returns.
    private static func openWriter(_ files: DatabaseFiles, logger: Logger) throws -> ConnectionPool {
        try files.requireWritable()
        files.tighten(logger: logger)
        let path = files.path
        let writer = ConnectionPool(size: 1) { try connection(path: path, access: .readWrite) }
        try writer.wait { connection in
            // Kept in the file. Readers, which may not, can only open it when the log is there: reading makes it.
            let mode = try connection.rows("PRAGMA journal_mode = WAL", []) { try $0.text(at: 0, column: "mode") }
            guard mode == ["wal"] else { throw StorageError.failed("the write-ahead log cannot be used") }
            _ = try connection.integers("SELECT COUNT(*) FROM sqlite_master")
        }
        return writer
    }

    /// A connection with the settings that all have.
    static func connection(path: String, access: Connection.Access) throws -> Connection {
        let connection = try Connection(path: path, access: access)
        // With the write-ahead log, NORMAL loses at most the last transactions at a power cut, never consistency.
        try connection.execute(
            script: "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF")
        return connection
    }

    /// Tries until there is a value or the time is over.
    private static func poll<Value>(for patience: Duration, _ attempt: () throws -> Value?) throws -> Value? {
        let end = ContinuousClock.now + patience
        while true {
            if let value = try attempt() { return value }
            if ContinuousClock.now >= end { return nil }
            usleep(50_000)
        }
    }
}

/// An open database file.
package struct SQLiteHandle: Sendable {
    /// The repositories over the file.
    package let storage: Storage
    let database: SQLiteConnection

    init(_ database: SQLiteConnection) {
        self.database = database
        storage = Storage(
            users: SQLiteUserRepository(database: database),
            servers: SQLiteServerRepository(database: database),
            serverTransfers: SQLiteServerTransferRepository(database: database),
            tokens: SQLiteAPITokenRepository(database: database),
            sessions: SQLiteSessionRepository(database: database),
            audit: SQLiteAuditRepository(database: database),
            strikes: SQLiteStrikeRepository(database: database),
            changes: SQLiteChangeSource(database: database),
            resources: SQLiteResourceStore(database: database), upkeep: SQLiteUpkeep(database: database))
    }

    /// Waits for running accesses, closes the file and releases the lock. Later accesses throw; later closes do
    /// nothing. Blocks shortly.
    package func close() {
        database.close()
    }
}
