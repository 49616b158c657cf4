import Glibc
package import Logging

/// The file of the embedded metrics store (`engines.md` 2): rows that are still open, and sealed blocks of them. It keeps
/// bytes; what they mean is known by whoever writes them. A file of its own, so that measurements and their cleaning
/// never hold up the database.
package struct MetricsFile: Sendable {
    private let database: SQLiteConnection
    private let path: String

    /// Turns the rows of a block, and the block that is there already, into the new block and rows of the next level.
    package typealias Sealing =
        @Sendable (_ rows: [MetricExtract.Part], _ existing: [UInt8]?) throws -> (block: [UInt8], summary: [MetricRow])

    /// Marks a file as one of these: "NZme".
    private static let applicationID: Int64 = 0x4E5A_6D65
    private static let version: Int64 = 2

    /// Opens the file, or creates it (mode 0600, its folder 0700). Blocks shortly; for the start.
    /// - Parameter cacheBytes: what SQLite may keep of it in memory, in all.
    /// - Throws: ``StorageError``: `alreadyServed`, `notWritable`, `notADatabase`, `foreignDatabase`, `newerSchema`.
    package static func open(path: String, cacheBytes: Int, logger: Logger) throws -> MetricsFile {
        let files = try DatabaseFiles(path: path)
        do {
            try files.createFolder()
            guard let lock = try FileLock.acquire(files) else { throw StorageError.alreadyServed(path: path) }
            try files.requireWritable()
            try files.createFile()
            files.tighten(logger: logger)
            let absolute = files.path
            let readerCount = 2
            // SQLite counts in KiB where the number is negative.
            let cache = "PRAGMA cache_size = -\(max(1, cacheBytes / 1024 / (readerCount + 1)))"
            let writer = ConnectionPool(size: 1) {
                let connection = try SQLiteDatabase.connection(path: absolute, access: .readWrite)
                try connection.execute(script: cache)
                return connection
            }
            try writer.wait { try prepare($0, path: absolute) }
            let readers = ConnectionPool(size: readerCount) {
                let connection = try SQLiteDatabase.connection(path: absolute, access: .readOnly)
                try connection.execute(script: cache)
                return connection
            }
            return MetricsFile(
                database: SQLiteConnection(
                    writer: writer, readers: readers, path: absolute, lock: lock, logger: logger), path: absolute)
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    private static func prepare(_ connection: Connection, path: String) throws {
        let identity = try connection.integers("PRAGMA application_id").first ?? 0
        let version = try connection.integers("PRAGMA user_version").first ?? 0
        if identity == applicationID {
            if version > Self.version { throw StorageError.newerSchema(found: "\(version)") }
            if version == 1 { try connection.write(orderByTime) }
            return
        }
        guard identity == 0, try connection.integers("SELECT COUNT(*) FROM sqlite_master") == [0] else {
            throw StorageError.foreignDatabase(path: path)
        }
        // Before the first table: pages that are free can be given back in small steps then.
        try connection.execute(script: "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL")
        try connection.write { connection in
            try connection.execute(
                script: """
                    \(openRows)
                    CREATE TABLE blocks (
                        kind INTEGER NOT NULL, subject INTEGER NOT NULL, reporter INTEGER NOT NULL,
                        level INTEGER NOT NULL, slot INTEGER NOT NULL, content BLOB NOT NULL
                    );
                    CREATE UNIQUE INDEX blocks_by_series ON blocks (kind, subject, reporter, level, slot);
                    CREATE INDEX blocks_by_age ON blocks (level, slot);
                    PRAGMA application_id = \(applicationID);
                    PRAGMA user_version = \(Self.version);
                    """)
        }
    }

    /// By time first: what comes at one time lies together, so that ten thousand servers fill a few pages each half minute
    /// instead of changing one of each server's own.
    private static let openRows = """
        CREATE TABLE open_rows (
            kind INTEGER NOT NULL, subject INTEGER NOT NULL, reporter INTEGER NOT NULL,
            level INTEGER NOT NULL, slot INTEGER NOT NULL, cells BLOB NOT NULL,
            PRIMARY KEY (level, slot, kind, subject, reporter)
        ) WITHOUT ROWID;
        """

    /// Version 1 had its open rows by series.
    private static func orderByTime(_ connection: Connection) throws {
        try connection.execute(
            script: """
                ALTER TABLE open_rows RENAME TO rows_by_series;
                \(openRows)
                INSERT INTO open_rows (kind, subject, reporter, level, slot, cells)
                SELECT kind, subject, reporter, level, slot, cells FROM rows_by_series;
                DROP TABLE rows_by_series;
                PRAGMA user_version = 2;
                """)
    }

    /// Bytes that may still be written to the file's disk; `nil` when nobody can tell. Asked on a thread of the file's own,
    /// since a disk that hangs does not answer.
    package func freeBytes() async -> UInt64? {
        let path = path
        return try? await database.read { _ in
            var found = statvfs()
            guard unsafe statvfs(path, &found) == 0 else { return UInt64?.none }
            let (bytes, overflow) = UInt64(found.f_bavail).multipliedReportingOverflow(by: UInt64(found.f_frsize))
            return overflow ? .max : bytes
        }
    }

    /// Size of the file and its log.
    package func size() async -> Int64 { await database.fileBytes() }

    /// Writes the log into the file and closes. Blocks shortly.
    package func close() { database.close() }
}

// MARK: Writing

extension MetricsFile {
    /// Adds rows in one transaction; a row of the same series, level and slot is replaced.
    package func write(_ rows: [MetricRow]) async throws {
        try await database.write { connection in
            try Self.put(rows, connection)
        }
    }

    /// Makes blocks of open rows, each with what it sums up, in one transaction.
    package func seal(_ seals: [MetricSeal], _ sealing: @escaping Sealing) async throws {
        try await database.write { connection in
            for seal in seals {
                let place = Self.values(seal.series) + [.integer(seal.level)]
                let rows = try connection.rows(
                    "\(Self.openSlots) SELECT open_rows.slot, cells \(Self.inOpenSlots) AND reporter = ?",
                    Self.bounds(seal.level, seal.slots) + Self.values(seal.series)
                ) { try Self.part(seal.series, $0) }
                if rows.isEmpty { continue }
                let existing = try connection.row(
                    "SELECT content FROM blocks WHERE \(Self.ofSeries) AND level = ? AND slot = ?",
                    place + [.integer(seal.slots.lowerBound)]
                ) { try $0.blob(at: 0, column: "content") }
                let (block, summary) = try sealing(rows, existing)
                try connection.run(
                    """
                    INSERT INTO blocks (kind, subject, reporter, level, slot, content) VALUES (?, ?, ?, ?, ?, ?)
                    ON CONFLICT (kind, subject, reporter, level, slot) DO UPDATE SET content = excluded.content
                    """, place + [.integer(seal.slots.lowerBound), .blob(block)])
                for row in rows {
                    try connection.run(
                        "DELETE FROM open_rows WHERE \(Self.ofSeries) AND level = ? AND slot = ?",
                        place + [.integer(row.slot)])
                }
                try Self.put(summary, connection)
            }
        }
    }

    /// Deletes what lies before a slot, in transactions that do not hold up others for long.
    package func delete(level: Int64, before slot: Int64) async throws {
        while true {
            let count = try await database.write { connection in
                try connection.run(
                    "DELETE FROM blocks WHERE rowid IN (SELECT rowid FROM blocks WHERE level = ? AND slot < ? LIMIT 2000)",
                    .integer(level), .integer(slot))
            }
            if count == 0 { break }
            try Task.checkCancellation()
        }
    }

    /// Gives free pages back to the file system, some at a time.
    /// - Returns: how many bytes the file lost.
    package func compact() async throws -> Int64 { try await database.releasePages(atOnce: 1000) }

    private static func put(_ rows: [MetricRow], _ connection: Connection) throws {
        for row in rows {
            try connection.run(
                """
                INSERT INTO open_rows (kind, subject, reporter, level, slot, cells) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET cells = excluded.cells
                """, values(row.series) + [.integer(row.level), .integer(row.slot), .blob(row.cells)])
        }
    }
}

// MARK: Reading

extension MetricsFile {
    /// The oldest open slot of each series and level, in one pass over the open rows. For the start.
    package func oldestOpenSlots() async throws -> [(series: MetricSeries, level: Int64, slot: Int64)] {
        try await database.read { connection in
            try connection.rows(
                "SELECT kind, subject, reporter, level, MIN(slot) FROM open_rows GROUP BY kind, subject, reporter, level",
                []
            ) { statement in
                (
                    series: try Self.series(statement), level: try statement.integer(at: 3, column: "level"),
                    slot: try statement.integer(at: 4, column: "slot")
                )
            }
        }
    }

    /// The first slot from this one on in which a series has an open row.
    package func firstOpenSlot(_ series: MetricSeries, level: Int64, from slot: Int64) async throws -> Int64? {
        try await database.read { connection in
            try connection.row(
                """
                \(Self.openSlots) SELECT open_rows.slot \(Self.inOpenSlots) AND reporter = ?
                ORDER BY open_rows.slot LIMIT 1
                """, Self.bounds(level, slot..<Int64.max) + Self.values(series)
            ) { try $0.integer(at: 0, column: "slot") }
        }
    }

    /// What is there of the series.
    /// - Parameters:
    ///   - reporter: `nil` takes every reporter of the subject.
    ///   - blocks: the slot from which on blocks may begin; `nil` wants none.
    ///   - open: the slot from which on open rows are wanted; `nil` wants none. Each slot that has any costs a look.
    package func read(
        _ kind: MetricSeries.Kind, subject: Int64, reporter: Int64?, level: Int64, blocks: Int64?, open: Int64?
    ) async throws -> MetricExtract {
        try await database.read { connection in
            let reporters = reporter == nil ? "" : " AND reporter = ?"
            let place =
                [.integer(kind.rawValue), .integer(subject)] + (reporter.map { [SQLValue.integer($0)] } ?? [])
            return MetricExtract(
                blocks: try blocks.map { first in
                    try connection.rows(
                        """
                        SELECT kind, subject, reporter, slot, content FROM blocks
                        WHERE kind = ? AND subject = ?\(reporters) AND level = ? AND slot >= ? ORDER BY reporter, slot
                        """, place + [.integer(level), .integer(first)]
                    ) { try Self.wholePart($0, "content") }
                } ?? [],
                rows: try open.map { first in
                    try connection.rows(
                        """
                        \(Self.openSlots) SELECT kind, subject, reporter, open_rows.slot, cells
                        \(Self.inOpenSlots)\(reporters) ORDER BY reporter, open_rows.slot
                        """, Self.bounds(level, first..<Int64.max) + place
                    ) { try Self.wholePart($0, "cells") }
                } ?? [])
        }
    }

    /// The slots of a level and a range in which any series has an open row, for ``inOpenSlots``; the values of both begin
    /// with ``bounds(_:_:)``. One step to the next slot is one look into the table.
    private static let openSlots = """
        WITH RECURSIVE wanted (slot) AS (
            SELECT min(slot) FROM open_rows WHERE level = ? AND slot >= ?
            UNION ALL
            SELECT (SELECT min(slot) FROM open_rows WHERE level = ? AND slot > wanted.slot) FROM wanted
            WHERE wanted.slot < ?
        )
        """

    /// The open rows of a subject there, slot by slot; the optimiser must not turn the join around.
    private static let inOpenSlots = """
        FROM wanted CROSS JOIN open_rows
        WHERE open_rows.level = ? AND wanted.slot < ? AND open_rows.slot = wanted.slot AND kind = ? AND subject = ?
        """

    private static func bounds(_ level: Int64, _ slots: Range<Int64>) -> [SQLValue] {
        let (level, end) = (SQLValue.integer(level), SQLValue.integer(slots.upperBound))
        return [level, .integer(slots.lowerBound), level, end, level, end]
    }

    private static let ofSeries = "kind = ? AND subject = ? AND reporter = ?"

    private static func values(_ series: MetricSeries) -> [SQLValue] {
        [.integer(series.kind.rawValue), .integer(series.subject), .integer(series.reporter)]
    }

    private static func series(_ statement: Statement) throws -> MetricSeries {
        guard let kind = MetricSeries.Kind(rawValue: try statement.integer(at: 0, column: "kind")) else {
            throw RowError.unknownChoice(column: "kind")
        }
        return MetricSeries(
            kind: kind, subject: try statement.integer(at: 1, column: "subject"),
            reporter: try statement.integer(at: 2, column: "reporter"))
    }

    private static func wholePart(_ statement: Statement, _ column: String) throws -> MetricExtract.Part {
        MetricExtract.Part(
            series: try series(statement), slot: try statement.integer(at: 3, column: "slot"),
            bytes: try statement.blob(at: 4, column: column))
    }

    private static func part(_ series: MetricSeries, _ statement: Statement) throws -> MetricExtract.Part {
        MetricExtract.Part(
            series: series, slot: try statement.integer(at: 0, column: "slot"),
            bytes: try statement.blob(at: 1, column: "cells"))
    }
}
