import FoundationEssentials
import Testing

@testable import Storage

/// Files go both ways between this engine and the one before it.
@Suite("A file of the program before")
struct FileOfMainTests {
    @Test("a new file has all that the program before made, white space aside, and as much as an old one gets")
    func sameSchema() throws {
        let (old, new) = (try Scratch(), try Scratch())
        try FileOfMain.create(path: old.database)
        try new.open().close()
        let expected = try schema(old.database)
        #expect(expected.count == 37)
        let found = try schema(new.database)
        let changed = expected.filter { !found.contains($0) }
        #expect(changed.map { $0.prefix(33) } == ["CREATE TABLE server_group_servers"])
        try old.open().close()
        #expect(try schema(old.database) == found)
        for setting in ["user_version", "application_id"] {
            #expect(try texts(new.database, "SELECT quote(\(setting)) FROM pragma_\(setting)") == ["0"])
        }
        let steps = "SELECT identifier FROM grdb_migrations ORDER BY identifier"
        #expect(try texts(new.database, steps) == texts(old.database, steps))
    }

    @Test("it opens, and every row stays", arguments: [SQLiteDatabase.Mode.serve, .tool])
    func everyRow(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        try FileOfMain.create(path: scratch.database)
        let rows = try allRows(scratch.database)
        #expect(rows.count == 18)
        try scratch.open(mode).close()
        // Members of groups have got a place in their list.
        let found = try allRows(scratch.database)
        #expect(rows.filter { row in !found.contains { $0 == row || $0 == row + ",0" } }.isEmpty)
    }

    @Test("its rows are read as what they were")
    func reading() async throws {
        let scratch = try Scratch()
        try FileOfMain.create(path: scratch.database)
        let handle = try scratch.open()
        defer { handle.close() }
        let storage = handle.storage
        let admin = try #require(try await storage.users.user(named: "admin"))
        #expect(admin.id == 1)
        #expect(admin.isAdministrator)
        #expect(!admin.rejectPassword)
        #expect(admin.passwordHash.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$"))
        #expect(admin.agentSecretSealed.count == 72)
        #expect(admin.createdAt == Date(timeIntervalSince1970: 1_795_954_814.921))
        #expect(try await storage.users.user(agentSecretHash: admin.agentSecretHash) == admin)
        let tokens = try await storage.tokens.tokens(of: nil)
        #expect(tokens.map(\.name) == ["limited", "ci"])
        #expect(tokens.map(\.scopes) == [["nezha:server:exec", "nezha:inventory:read"], ["nezha:*"]])
        #expect(tokens.map(\.serverIDs) == [[1], []])
        try #require(tokens[0].expiresAt == Date(timeIntervalSince1970: 1_798_546_818.442))
        #expect(tokens[1].expiresAt == nil)
        try #require(tokens[1].lastUsedIP == "127.0.0.1")
        #expect(tokens[0].lastUsedAt == nil)
        let session = try #require(try await storage.sessions.session(keyID: "Sj5fcdXXifVdfm8pNPE2iYTYDZyI6hPr"))
        #expect(session.userID == 1)
        #expect(session.revokedAt == nil)
        let server = try #require(try await storage.servers.server(uuid: "6ba7b810-9dad-11d1-80b4-00c04fd430c8"))
        #expect(server.name == "amber stone")
        #expect(server.ddnsProfiles.isEmpty)
        #expect(server.overrideDDNSDomains.isEmpty)
        let calls = try await storage.audit.rows(AuditSelection(), limit: 10)
        #expect(calls.map(\.id) == [5, 4, 3, 2, 1])
        #expect(calls[3].argumentsRedacted.hasPrefix(#"{"server_id":1,"cmd":{"length":7,"#))
        #expect(try await storage.changes.revision() == 4)
    }

    @Test("it is written on where it ended")
    func writing() async throws {
        let scratch = try Scratch()
        try FileOfMain.create(path: scratch.database)
        let handle = try scratch.open()
        #expect(try await handle.storage.users.insert(user("b")) == 2)
        #expect(try await handle.storage.tokens.insert(token("h", owner: 2)) == 3)
        #expect(try await handle.storage.servers.insert(server("u", owner: 2)) == 2)
        try await handle.storage.audit.append([auditRow("t")])
        #expect(try await handle.storage.audit.rows(AuditSelection(), limit: 1).first?.id == 6)
        try await handle.storage.users.setPassword("new", rejectPassword: nil, username: nil, for: 1)
        #expect(
            try await handle.storage.sessions.session(keyID: "Sj5fcdXXifVdfm8pNPE2iYTYDZyI6hPr")?.revokedAt != nil)
        #expect(try await handle.storage.changes.revision() == 8)
        handle.close()
        let admin = try texts(scratch.database, "SELECT username || token_version || role FROM users WHERE id = 1")
        #expect(admin == ["admin10"])
    }

    /// The trigger that counts changes compares texts: another spelling of the same value would be a change.
    @Test("lists and maps are the same text as before")
    func spelling() async throws {
        let scratch = try Scratch()
        let handle = try scratch.open()
        defer { handle.close() }
        var machine = server("u")
        machine.ddnsProfiles = [3, 1]
        machine.overrideDDNSDomains = [10: ["a.example/x"], 9: [], 1: ["b", "\"ü\u{1}"]]
        machine.id = try await handle.storage.servers.insert(machine)
        _ = try await handle.storage.users.insert(user("a"))
        var limited = token("h", owner: 1)
        limited.scopes = ["nezha:server:read", "x"]
        limited.serverIDs = [4, 1]
        _ = try await handle.storage.tokens.insert(limited)
        #expect(try texts(scratch.database, "SELECT ddns_profiles FROM servers") == ["[3,1]"])
        let domains = #"{"1":["b","\"ü\u0001"],"10":["a.example/x"],"9":[]}"#
        #expect(try texts(scratch.database, "SELECT override_ddns_domains FROM servers") == [domains])
        #expect(try texts(scratch.database, "SELECT scopes_csv FROM api_tokens") == ["nezha:server:read,x"])
        #expect(try texts(scratch.database, "SELECT servers_csv FROM api_tokens") == ["4,1"])
        let before = try await handle.storage.changes.revision()
        try await handle.storage.servers.update(machine)
        #expect(try await handle.storage.changes.revision() == before)
    }

    /// Every value of every table.
    private func allRows(_ path: String) throws -> [String] {
        try texts(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").flatMap { table in
            let columns = try texts(path, "SELECT name FROM pragma_table_info('\(table)')")
            let values = columns.map { "quote(\($0))" }.joined(separator: " || ',' || ")
            return try texts(path, "SELECT '\(table): ' || \(values) FROM \(table)")
        }
    }
}
