import FoundationEssentials
import Glibc
import Primitives
import Testing

@testable import Storage

@Suite("Connections")
struct ConnectionTests {
    private func open(_ scratch: Scratch, patience: Duration = .milliseconds(50)) throws -> Connection {
        try execute(scratch.database, "PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (v UNIQUE)")
        return try Connection(path: scratch.database, access: .readWrite, patience: patience)
    }

    @Test("all have the settings of ours; a reader cannot write", arguments: [Connection.Access.readWrite, .readOnly])
    func settings(access: Connection.Access) throws {
        let scratch = try Scratch()
        try scratch.open().close()
        let connection = try SQLiteDatabase.connection(path: scratch.database, access: access)
        for (name, value) in [("foreign_keys", 1), ("synchronous", 1), ("trusted_schema", 0), ("busy_timeout", 5000)] {
            #expect(try connection.integers("PRAGMA \(name)") == [Int64(value)], "\(name)")
        }
        let write = { try connection.run("DELETE FROM users") }
        if access == .readWrite {
            #expect(try write() == 0)
        } else {
            let error = #expect(throws: SQLiteError.self) { try write() }
            let mapped = error.map { ErrorMapping.error($0, path: "p") } as? StorageError
            #expect(mapped == .notWritable(path: "p"))
        }
        try connection.close()
    }

    @Test("a transaction that fails leaves nothing behind, wherever it fails")
    func rollback() throws {
        struct Failure: Error {}
        let scratch = try Scratch()
        let connection = try open(scratch)
        try connection.execute(
            script: "PRAGMA foreign_keys = ON; CREATE TABLE child (p REFERENCES t (v) DEFERRABLE INITIALLY DEFERRED)")
        #expect(throws: Failure.self) {
            try connection.write { connection in
                try connection.run("INSERT INTO t VALUES (1)")
                throw Failure()
            }
        }
        // This one is refused at COMMIT only.
        let error = #expect(throws: SQLiteError.self) {
            try connection.write { connection in
                try connection.run("INSERT INTO t VALUES (1)")
                try connection.run("INSERT INTO child VALUES (55)")
            }
        }
        #expect(error?.code == SQLiteError.foreignKey)
        #expect(!connection.isInTransaction)
        #expect(try connection.integers("SELECT COUNT(*) FROM t") == [0])
        try connection.write { try $0.run("INSERT INTO t VALUES (1)") }
        #expect(try connection.integers("SELECT v FROM t") == [1])
    }

    @Test("a read sees one moment, also when others write meanwhile")
    func snapshot() throws {
        let scratch = try Scratch()
        let (reader, writer) = (try open(scratch), try open(scratch))
        try reader.read { reader in
            #expect(try reader.integers("SELECT COUNT(*) FROM t") == [0])
            try writer.write { try $0.run("INSERT INTO t VALUES (1)") }
            #expect(try reader.integers("SELECT COUNT(*) FROM t") == [0])
        }
        #expect(try reader.read { try $0.integers("SELECT COUNT(*) FROM t") } == [1])
    }

    @Test("a writer waits for another one as long as it has patience, before its transaction begins")
    func busy() throws {
        let scratch = try Scratch()
        let (first, second) = (try open(scratch), try open(scratch))
        let began = Monitor(false)
        try first.write { _ in
            let error = #expect(throws: SQLiteError.self) {
                try second.write { _ in began.withLock { $0 = true } }
            }
            #expect(error?.kind == 5)
            #expect(began.withLock { !$0 })
            let mapped = error.map { ErrorMapping.error($0, path: "p") } as? StorageError
            #expect(mapped == .failed("SQLite error 5: database is locked"))
        }
        try second.write { _ in began.withLock { $0 = true } }
        #expect(began.withLock { $0 })

        let patient = try Connection(path: scratch.database, access: .readWrite, patience: .seconds(20))
        let isHeld = Monitor(false)
        let path = scratch.database
        #expect(
            DetachedThread.start {
                let holder = try? Connection(path: path, access: .readWrite)
                try? holder?.write { _ in
                    isHeld.withLock { $0 = true }
                    isHeld.wakeAll()
                    usleep(100_000)
                }
            } == 0)
        isHeld.wait { $0 ? () : nil }
        try patient.write { try $0.run("INSERT INTO t VALUES (2)") }
        #expect(try patient.integers("SELECT v FROM t") == [2])
    }

    @Test("a cancelled read ends in the midst of a statement, and the connection reads on")
    func interrupt() throws {
        let scratch = try Scratch()
        let connection = try open(scratch)
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
        let cancellation = Cancellation()
        #expect(
            DetachedThread.start {
                usleep(20_000)
                cancellation.cancel()
            } == 0)
        #expect(throws: CancellationError.self) {
            try connection.read(cancellation: cancellation) { try $0.integers(endless) }
        }
        #expect(!connection.isInTransaction)
        #expect(try connection.read(cancellation: Cancellation()) { try $0.integers("SELECT 7") } == [7])
        // Cancelled before: not even begun.
        #expect(throws: CancellationError.self) {
            try connection.read(cancellation: cancellation) { _ in Issue.record("was begun") }
        }
        // Nobody cancels this one, however long it is.
        let long =
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT COUNT(*) FROM n"
        #expect(try connection.write { try $0.integers(long) } == [200_000])
    }

    @Test("constraints are told apart, and no error shows a value")
    func constraints() throws {
        let scratch = try Scratch()
        let connection = try open(scratch)
        try connection.execute(
            script: """
                PRAGMA foreign_keys = ON;
                CREATE TABLE parent (id INTEGER PRIMARY KEY, user_id TEXT UNIQUE);
                CREATE TABLE c (
                    key_id INTEGER PRIMARY KEY, agent_secret_hash TEXT NOT NULL CHECK (length(agent_secret_hash) < 20),
                    p INTEGER REFERENCES parent (id)) STRICT;
                INSERT INTO parent VALUES (1, 'hidden');
                INSERT INTO c VALUES (1, 'hidden', 1);
                """)
        func mapped(_ sql: String) throws -> StorageError? {
            let error = #expect(throws: SQLiteError.self) { try connection.run(sql) }
            return error.map { ErrorMapping.error($0, path: "p") } as? StorageError
        }
        #expect(try mapped("INSERT INTO parent VALUES (2, 'hidden')") == .duplicate(field: "userID"))
        #expect(try mapped("INSERT INTO c VALUES (1, 'hidden', 1)") == .duplicate(field: "keyID"))
        #expect(try mapped("INSERT INTO c VALUES (2, 'hidden', 9)") == .notFound)
        for sql in [
            "INSERT INTO c VALUES (2, NULL, 1)", "INSERT INTO c VALUES (2, 'hidden and far too long', 1)",
            "INSERT INTO c VALUES ('hidden', 'x', 1)", "INSERT INTO gone VALUES ('hidden')",
        ] {
            guard case .failed(let detail) = try mapped(sql) else {
                Issue.record("\(sql)")
                continue
            }
            #expect(!detail.contains("hidden"))
        }
    }

    @Test("a file that is missing or no database is an error of its kind")
    func opening() throws {
        let scratch = try Scratch()
        let error = #expect(throws: SQLiteError.self) {
            try Connection(path: scratch.database, access: .readWrite)
        }
        #expect(error.map { ErrorMapping.error($0, path: "p") } as? StorageError == .notWritable(path: "p"))
        #expect(!FileManager.default.fileExists(atPath: scratch.database), "opening makes no file")
        try Data(repeating: 7, count: 5000).write(to: URL(fileURLWithPath: scratch.database))
        let garbage = try Connection(path: scratch.database, access: .readOnly)
        let unreadable = #expect(throws: SQLiteError.self) {
            try garbage.integers("SELECT COUNT(*) FROM sqlite_master")
        }
        #expect(unreadable.map { ErrorMapping.error($0, path: "p") } as? StorageError == .notADatabase(path: "p"))
    }

    @Test("a closed connection does nothing")
    func closed() throws {
        let scratch = try Scratch()
        let connection = try open(scratch)
        try connection.close()
        try connection.close()
        #expect(throws: SQLiteError.self) { try connection.run("INSERT INTO t VALUES (1)") }
        #expect(throws: SQLiteError.self) { try connection.execute(script: "INSERT INTO t VALUES (1)") }
        #expect(throws: SQLiteError.self) { try connection.checkpoint() }
    }
}
