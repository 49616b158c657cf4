/// How a file's schema stands to ours, found without changing the file.
enum SchemaState: Equatable {
    case empty, older, current

    /// - Throws: ``StorageError`` for a file that we must not touch.
    static func inspect(_ files: DatabaseFiles, _ forms: [any Form.Type]) throws -> SchemaState {
        switch files.kind {
        case .missing, .empty: return .empty
        case .noFile: throw StorageError.notADatabase(path: files.path)
        case .content: break
        }
        // Without the right to write, SQLite cannot take back what a killed program left half done.
        let connection = try Connection(path: files.path, access: files.hasJournal ? .readWrite : .readOnly)
        let state = Result { try connection.read { try inspect($0, forms, path: files.path) } }
        try connection.close()
        return try state.get()
    }

    private static func inspect(
        _ connection: Connection, _ forms: [any Form.Type], path: String
    ) throws -> SchemaState {
        let tables = try connection.integers("SELECT COUNT(*) FROM sqlite_master")
        if tables == [0] { return .empty }
        let registers = try connection.integers(
            "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?", .text(Migrations.register))
        guard registers == [1] else { throw StorageError.foreignDatabase(path: path) }
        let known = Set(Migrations.steps(forms).map(\.identifier))
        let applied = Set(try Migrations.applied(connection))
        if let newest = applied.subtracting(known).max() { throw StorageError.newerSchema(found: newest) }
        return applied.count == known.count ? .current : .older
    }
}
