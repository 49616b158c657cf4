import GRDB

/// How a file's schema stands to ours, found without changing the file.
enum SchemaState: Equatable {
    case empty, older, current

    /// - Throws: ``StorageError`` for a file that we must not touch.
    static func inspect(_ files: DatabaseFiles) throws -> SchemaState {
        switch files.kind {
        case .missing, .empty: return .empty
        case .noFile: throw StorageError.notADatabase(path: files.path)
        case .content: break
        }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let queue = try DatabaseQueue(path: files.path, configuration: configuration)
        defer { try? queue.close() }
        return try queue.read { try inspect($0, path: files.path) }
    }

    private static func inspect(_ db: Database, path: String) throws -> SchemaState {
        let migrator = Migrations.migrator
        let tables = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
        if tables == 0 { return .empty }
        guard try db.tableExists("grdb_migrations") else { throw StorageError.foreignDatabase(path: path) }
        let applied = try migrator.appliedIdentifiers(db)
        let unknown = applied.subtracting(migrator.migrations)
        if let newest = unknown.max() { throw StorageError.newerSchema(found: newest) }
        return applied.count == migrator.migrations.count ? .current : .older
    }
}
