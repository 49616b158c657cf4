import FoundationEssentials
import Glibc
import Storage
import Testing

@Suite("Migrations")
struct MigrationTests {
    @Test("a version-1 file is brought up to date with its rows")
    func versionOne() async throws {
        let scratch = try Scratch()
        try VersionOne.create(path: scratch.database)
        let handle = try scratch.open(.serve)
        defer { handle.close() }
        let owner = try #require(try await handle.storage.users.user(id: 3))
        #expect(owner.username == "old")
        #expect(owner.isAdministrator)
        #expect(owner.tokenVersion == 5)
        #expect(owner.agentSecretSealed == [1, 2])
        #expect(owner.createdAt == time(0, milliseconds: 123))
        #expect(try await handle.storage.servers.server(id: 4)?.overrideDDNSDomains == [1: ["a"]])
        let before = try await handle.storage.changes.revision()
        #expect(try await handle.storage.tokens.insert(token("new", owner: 3)) == 11)
        #expect(try await handle.storage.changes.revision() > before)
    }

    /// Class "empty-set trap".
    @Test("lists written by other hands are read tolerantly, but nothing readable never means no restriction")
    func tolerantLists() async throws {
        let scratch = try Scratch()
        try VersionOne.create(path: scratch.database)
        let handle = try scratch.open(.tool)
        defer { handle.close() }
        let token = try #require(try await handle.storage.tokens.token(id: 9))
        #expect(token.scopes == ["nezha:server:read", "nezha:*"])
        #expect(token.serverIDs == [4, 7])
        #expect(try await handle.storage.tokens.token(id: 10)?.serverIDs == [0])
    }

    @Test("a migrated version-1 file has the schema of a new one")
    func sameSchema() throws {
        let old = try Scratch()
        let new = try Scratch()
        try VersionOne.create(path: old.database)
        try old.open().close()
        try new.open().close()
        let expected = try schema(new.database)
        #expect(try schema(old.database) == expected)
        #expect(expected.count > 30)
        let auditIndexes = expected.filter { $0.contains("INDEX mcp_audit_logs") }
        #expect(auditIndexes.count == 3, "each costs every call: \(auditIndexes)")
    }

    @Test("the days of monitors in a file of before get a column for the last results")
    func recentResults() async throws {
        let scratch = try Scratch()
        try scratch.open().close()
        try execute(
            scratch.database,
            """
            ALTER TABLE service_days DROP COLUMN recent;
            DELETE FROM grdb_migrations WHERE identifier = 'service-days-recent';
            INSERT INTO service_days (user_id, service_id, day, up, down, delay, created_at, updated_at)
                VALUES (0, 7, 86400, 1, 2, 1.5, 0, 0);
            """)
        let handle = try scratch.open()
        defer { handle.close() }
        let rows = handle.storage.rows(of: ServiceDayForm.self)
        let kept = try #require(try await rows.all().first)
        #expect(kept.form == ServiceDayForm(serviceID: 7, day: 86_400, up: 1, down: 2, delay: 1.5))
        try await rows.update(id: kept.id) { $0.form.recent = [ServiceDayForm.Result(at: 86_430.5, up: true)] }
        #expect(try await rows.find(id: kept.id)?.form.recent.map(\.at) == [86_430.5])
    }

    @Test("opening again changes nothing")
    func idempotent() async throws {
        let scratch = try Scratch()
        try scratch.open().close()
        let before = try schema(scratch.database)
        let handle = try scratch.open(.tool)
        #expect(try await handle.storage.changes.revision() == 0)
        handle.close()
        #expect(try schema(scratch.database) == before)
    }

    @Test("a newer schema is refused", arguments: [SQLiteDatabase.Mode.serve, .tool])
    func newer(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        try scratch.open().close()
        try execute(scratch.database, "INSERT INTO grdb_migrations VALUES ('99-of-tomorrow')")
        #expect(throws: StorageError.newerSchema(found: "99-of-tomorrow")) { try scratch.open(mode) }
    }

    @Test("another program's database is refused and left as it is", arguments: [SQLiteDatabase.Mode.serve, .tool])
    func foreign(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        try execute(scratch.database, "CREATE TABLE users (id integer primary key, username text)")
        let before = try Data(contentsOf: URL(fileURLWithPath: scratch.database))
        #expect(throws: StorageError.foreignDatabase(path: scratch.database)) { try scratch.open(mode) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.database)) == before)
    }

    @Test("a tool does not migrate under a running gateway of an older version")
    func olderGateway() throws {
        let scratch = try Scratch()
        try VersionOne.create(path: scratch.database)
        let lock = unsafe open(scratch.database + ".lock", O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
        #expect(throws: StorageError.alreadyServed(path: scratch.database)) { try scratch.open(.tool) }
        #expect(try schema(scratch.database).allSatisfy { !$0.contains("identity_revision") })
    }

    @Test("the write-ahead log is on")
    func journal() throws {
        let scratch = try Scratch()
        try scratch.open().close()
        #expect(try texts(scratch.database, "PRAGMA journal_mode") == ["wal"])
    }
}
