import Glibc
import Primitives

/// One file that holds what a gateway needs to go on elsewhere: copies of its files, each in pieces with their digests.
/// It is a SQLite database itself, so that it is whole or none.
///
/// The calls block for the disk. While one is made, its folder needs room for the largest file twice.
package struct BackupFile: Sendable {
    /// A file that goes into a backup, or comes out of one.
    package struct Part: Sendable, Hashable {
        /// What it is called in the backup.
        package let name: String
        package let path: String
        /// Whether it is a database, of which a copy is taken at one moment, also while somebody writes it.
        package let isDatabase: Bool

        package init(name: String, path: String, isDatabase: Bool) {
            self.name = name
            self.path = path
            self.isDatabase = isDatabase
        }
    }

    package enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
        case exists(String)
        case notABackup(String)
        case newer(String)
        /// Some bytes of this part are not those that were written.
        case damaged(part: String)
        /// What the system says of a file.
        case file(String, reason: String)

        static func of(_ path: String, _ error: SystemCallError) -> Failure { .file(path, reason: error.reason) }

        package var description: String {
            switch self {
            case .exists(let path): "\(path) is there already"
            case .notABackup(let path): "\(path) is no backup of nezha-gateway"
            case .newer(let path): "\(path) was made by a newer version"
            case .damaged(let part): "the backup is damaged: \(part) is not what was written"
            case .file(let path, let reason): "\(path): \(reason)"
            }
        }
    }

    /// Marks a file as one of these: "NZbk".
    private static let applicationID: Int64 = 0x4E5A_626B
    private static let version: Int64 = 1
    private static let pieceSize = 1 << 20

    private let path: String
    private let digest: @Sendable ([UInt8]) -> [UInt8]

    /// - Parameter digest: SHA-256.
    package init(path: String, digest: @escaping @Sendable ([UInt8]) -> [UInt8]) throws {
        self.path = try DatabaseFiles(path: path).path
        self.digest = digest
    }

    private func connected<Value>(
        _ file: String, _ access: Connection.Access, _ body: (Connection) throws -> Value
    ) throws -> Value {
        do {
            let connection = try SQLiteDatabase.connection(path: file, access: access)
            let value = try body(connection)
            try connection.close()
            return value
        } catch let failure as Failure {
            throw failure
        } catch {
            throw ErrorMapping.error(error, path: file)
        }
    }
}

// MARK: Making one

extension BackupFile {
    /// Makes the file, which must not be there yet. A failure leaves nothing.
    /// - Throws: ``Failure``, ``StorageError``.
    package func make(of parts: [Part]) throws {
        guard unsafe access(path, F_OK) != 0 else { throw Failure.exists(path) }
        let (unfinished, copy) = (path + ".partial", path + ".copy")
        let clear = {
            for file in [unfinished, copy] { unsafe unlink(file) }
        }
        clear()
        defer { clear() }
        try DatabaseFiles(path: unfinished).createFile()
        try connected(unfinished, .readWrite) { backup in
            // Nobody else sees it before it is finished.
            try backup.execute(
                script: """
                    PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL;
                    CREATE TABLE files (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL, is_database INTEGER NOT NULL);
                    CREATE TABLE pieces (
                        name TEXT NOT NULL, place INTEGER NOT NULL, digest BLOB NOT NULL, content BLOB NOT NULL,
                        PRIMARY KEY (name, place));
                    PRAGMA application_id = \(Self.applicationID); PRAGMA user_version = \(Self.version)
                    """)
            try backup.write { backup in
                for part in parts {
                    guard part.isDatabase else {
                        try add(part, from: part.path, to: backup)
                        continue
                    }
                    try DatabaseFiles(path: copy).createFile()
                    let source = try DatabaseFiles(path: part.path).path
                    try connected(source, .readWrite) { _ = try $0.run("VACUUM INTO ?", .text(copy)) }
                    try add(part, from: copy, to: backup)
                    unsafe unlink(copy)
                }
            }
        }
        guard unsafe rename(unfinished, path) == 0 else { throw Failure.of(path, .last) }
    }

    private func add(_ part: Part, from path: String, to backup: Connection) throws {
        do {
            let file = Descriptor(owning: try retryingInterrupts { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) })
            var (bytes, place): (Int64, Int64) = (0, 0)
            while true {
                let piece = try file.read(limit: Self.pieceSize)
                if piece.isEmpty { break }
                try backup.run(
                    "INSERT INTO pieces (name, place, digest, content) VALUES (?, ?, ?, ?)", .text(part.name),
                    .integer(place), .blob(digest(piece)), .blob(piece))
                place += 1
                bytes += Int64(piece.count)
            }
            try backup.run(
                "INSERT INTO files (name, bytes, is_database) VALUES (?, ?, ?)", .text(part.name), .integer(bytes),
                .integer(part.isDatabase ? 1 : 0))
        } catch let error as SystemCallError {
            throw Failure.of(path, error)
        }
    }
}

// MARK: Taking it out

extension BackupFile {
    /// The names of its parts.
    /// - Throws: ``Failure``, ``StorageError``.
    package func names() throws -> [String] {
        try opened { backup in
            try backup.rows("SELECT name FROM files ORDER BY name", []) { try $0.text(at: 0, column: "name") }
        }
    }

    /// Writes parts to their paths, of which none may be there yet. They appear at the end, in this order; a failure
    /// before leaves nothing.
    /// - Throws: ``Failure``, ``StorageError``.
    package func restore(_ parts: [Part]) throws {
        for part in parts where unsafe access(part.path, F_OK) == 0 { throw Failure.exists(part.path) }
        let clear = {
            for part in parts {
                for end in ["", "-wal", "-shm", "-journal"] { unsafe unlink(Self.unfinished(part) + end) }
            }
        }
        clear()
        defer { clear() }
        try opened { backup in
            for part in parts {
                try DatabaseFiles(path: part.path).createFolder()
                try DatabaseFiles(path: Self.unfinished(part)).createFile()
                try take(part, from: backup, to: Self.unfinished(part))
            }
        }
        for part in parts where part.isDatabase { try prepare(part) }
        for part in parts {
            guard unsafe rename(Self.unfinished(part), part.path) == 0 else { throw Failure.of(part.path, .last) }
        }
    }

    private static func unfinished(_ part: Part) -> String { part.path + ".restored" }

    private func opened<Value>(_ body: (Connection) throws -> Value) throws -> Value {
        guard unsafe access(path, F_OK) == 0 else { throw Failure.of(path, .last) }
        return try connected(path, .readOnly) { backup in
            guard try backup.integers("PRAGMA application_id").first == Self.applicationID else {
                throw Failure.notABackup(path)
            }
            guard try backup.integers("PRAGMA user_version").first == Self.version else { throw Failure.newer(path) }
            return try body(backup)
        }
    }

    private func take(_ part: Part, from backup: Connection, to path: String) throws {
        guard let bytes = try backup.integers("SELECT bytes FROM files WHERE name = ?", .text(part.name)).first else {
            throw Failure.damaged(part: part.name)
        }
        let file = try Self.writable(path)
        var (written, place): (Int64, Int64) = (0, 0)
        try backup.using(
            "SELECT place, digest, content FROM pieces WHERE name = ? ORDER BY place", [.text(part.name)]
        ) { statement in
            while try statement.step() {
                guard case .blob(let expected) = statement.value(at: 1),
                    case .blob(let content) = statement.value(at: 2),
                    statement.value(at: 0) == .integer(place), digest(content) == expected
                else { throw Failure.damaged(part: part.name) }
                do throws(SystemCallError) { try file.writeAll(content) } catch { throw Failure.of(path, error) }
                written += Int64(content.count)
                place += 1
            }
        }
        guard written == bytes else { throw Failure.damaged(part: part.name) }
        do throws(SystemCallError) { try file.sync() } catch { throw Failure.of(path, error) }
    }

    private static func writable(_ path: String) throws -> Descriptor {
        do throws(SystemCallError) {
            return Descriptor(owning: try retryingInterrupts { unsafe open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW) })
        } catch {
            throw Failure.of(path, error)
        }
    }

    /// A copy has no write-ahead log; the gateway's own files have one.
    private func prepare(_ part: Part) throws {
        let path = try DatabaseFiles(path: Self.unfinished(part)).path
        try connected(path, .readWrite) { database in
            let found = try database.rows("PRAGMA integrity_check(1)", []) { try $0.text(at: 0, column: "result") }
            guard found == ["ok"] else { throw Failure.damaged(part: part.name) }
            _ = try database.rows("PRAGMA journal_mode = WAL", []) { try $0.text(at: 0, column: "mode") }
        }
    }
}
