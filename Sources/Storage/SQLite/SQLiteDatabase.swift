import GRDB
public import Logging

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Opens the database file.
public enum SQLiteDatabase {
    /// What the file is opened for.
    public enum Mode: Sendable {
        /// The one gateway of this file: holds an exclusive lock on `<path>.lock` until closed.
        case serve
        /// A short visit of the command line, also while a gateway serves the file.
        case tool
    }

    /// Opens the file, creating it (mode 0600, its folder 0700) and bringing its schema up to date as needed.
    ///
    /// Blocks, for some seconds at worst; call it at start, not from a task among others.
    /// - Throws: ``StorageError``: `alreadyServed`, `notWritable`, `notADatabase`, `foreignDatabase`, `newerSchema`.
    public static func open(path: String, mode: Mode, logger: Logger) throws -> SQLiteHandle {
        let files = try DatabaseFiles(path: path)
        do {
            try files.createFolder()
            return switch mode {
            case .serve: try serve(files, logger: logger)
            case .tool: try visit(files, logger: logger)
            }
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    /// How long a gateway waits for the lock: a tool holds it for a moment while it looks after the schema.
    private static let patienceOfServe = Duration.seconds(1)
    /// How long a tool waits for a gateway that is just starting to finish the schema.
    private static let patienceOfTool = Duration.seconds(3)

    private static func serve(_ files: DatabaseFiles, logger: Logger) throws -> SQLiteHandle {
        let lock = try poll(for: patienceOfServe) { try FileLock.acquire(files) }
        guard let lock else { throw StorageError.alreadyServed(path: files.path) }
        let pool = try openAndMigrate(files, logger: logger)
        return SQLiteHandle(SQLiteConnection(pool: pool, path: files.path, lock: lock, logger: logger))
    }

    private static func visit(_ files: DatabaseFiles, logger: Logger) throws -> SQLiteHandle {
        let pool = try poll(for: patienceOfTool) { () -> DatabasePool? in
            if let lock = try FileLock.acquire(files) {
                // Nobody else may change the schema meanwhile.
                defer { lock.release() }
                return try openAndMigrate(files, logger: logger)
            }
            guard try SchemaState.inspect(files) == .current else { return nil }
            return try openPool(files, logger: logger)
        }
        // Still locked and not up to date: an older gateway serves it, whose tables must not change under it.
        guard let pool else { throw StorageError.alreadyServed(path: files.path) }
        return SQLiteHandle(SQLiteConnection(pool: pool, path: files.path, lock: nil, logger: logger))
    }

    private static func openAndMigrate(_ files: DatabaseFiles, logger: Logger) throws -> DatabasePool {
        let state = try SchemaState.inspect(files)
        try files.createFile()
        let pool = try openPool(files, logger: logger)
        if state != .current {
            try Migrations.migrator.migrate(pool)
            logger.info("database schema is up to date", metadata: ["path": "\(files.path)"])
        }
        return pool
    }

    private static func openPool(_ files: DatabaseFiles, logger: Logger) throws -> DatabasePool {
        try files.requireWritable()
        files.tighten(logger: logger)
        return try DatabasePool(path: files.path, configuration: configuration)
    }

    static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "storage"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        // With the write-ahead log, NORMAL loses at most the last transactions at a power cut, never consistency.
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF")
        }
        return configuration
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
public struct SQLiteHandle: Sendable {
    /// The repositories over the file.
    public let storage: Storage
    private let connection: SQLiteConnection

    init(_ connection: SQLiteConnection) {
        self.connection = connection
        storage = Storage(
            users: SQLiteUserRepository(connection: connection),
            servers: SQLiteServerRepository(connection: connection),
            tokens: SQLiteAPITokenRepository(connection: connection),
            sessions: SQLiteSessionRepository(connection: connection),
            audit: SQLiteAuditRepository(connection: connection),
            strikes: SQLiteStrikeRepository(connection: connection),
            changes: SQLiteChangeSource(connection: connection))
    }

    /// Waits for running accesses, closes the file and releases the lock. Later accesses throw; later closes do
    /// nothing. Blocks shortly.
    public func close() {
        connection.close()
    }
}
