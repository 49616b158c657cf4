import FoundationEssentials
import Testing

@testable import Storage

/// Files go both ways between this engine and the one before it.
@Suite("A file of the program before")
struct FileOfMainTests {
    @Test("a new file has the schema that the program before wrote, white space aside")
    func sameSchema() throws {
        let (old, new) = (try Scratch(), try Scratch())
        try FileOfMain.create(path: old.database)
        try new.open().close()
        let expected = try schema(old.database)
        #expect(try schema(new.database) == expected)
        #expect(expected.count == 37)
        for setting in ["user_version", "application_id"] {
            #expect(try texts(new.database, "SELECT quote(\(setting)) FROM pragma_\(setting)") == ["0"])
        }
        let steps = "SELECT identifier FROM grdb_migrations ORDER BY identifier"
        #expect(try texts(new.database, steps) == texts(old.database, steps))
    }

    @Test("it opens, and every row and the schema stay", arguments: [SQLiteDatabase.Mode.serve, .tool])
    func everyRow(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        try FileOfMain.create(path: scratch.database)
        let (rows, before) = (try allRows(scratch.database), try schema(scratch.database))
        #expect(rows.count == 18)
        try scratch.open(mode).close()
        #expect(try allRows(scratch.database) == rows)
        #expect(try schema(scratch.database) == before)
    }

    @Test("its rows are read as what they were")
    func reading() async throws {
        let scratch = try Scratch()
        try FileOfMain.create(path: scratch.database)
        let handle = try scratch.open()
        defer { handle.close() }
        let storage = handle.storage
        let admin = try #require(try await storage.users.user(named: "admin"))
        #expect(admin.id == 1 && admin.isAdministrator && !admin.rejectPassword)
        #expect(admin.passwordHash.hasPrefix("$argon2id$v=19$m=65536,t=2,p=1$"))
        #expect(admin.agentSecretSealed.count == 72)
        #expect(admin.createdAt == Date(timeIntervalSince1970: 1_795_954_814.921))
        #expect(try await storage.users.user(agentSecretHash: admin.agentSecretHash) == admin)
        let tokens = try await storage.tokens.tokens(of: nil)
        #expect(tokens.map(\.name) == ["limited", "ci"])
        #expect(tokens.map(\.scopes) == [["nezha:server:exec", "nezha:inventory:read"], ["nezha:*"]])
        #expect(tokens.map(\.serverIDs) == [[1], []])
        #expect(tokens[0].expiresAt == Date(timeIntervalSince1970: 1_798_546_818.442) && tokens[1].expiresAt == nil)
        #expect(tokens[1].lastUsedIP == "127.0.0.1" && tokens[0].lastUsedAt == nil)
        let session = try #require(try await storage.sessions.session(keyID: "Sj5fcdXXifVdfm8pNPE2iYTYDZyI6hPr"))
        #expect(session.userID == 1 && session.revokedAt == nil)
        let server = try #require(try await storage.servers.server(uuid: "6ba7b810-9dad-11d1-80b4-00c04fd430c8"))
        #expect(server.name == "amber stone" && server.ddnsProfiles.isEmpty && server.overrideDDNSDomains.isEmpty)
        let calls = try await storage.audit.rows(userID: nil, before: nil, limit: 10)
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
        #expect(try await handle.storage.audit.rows(userID: nil, before: nil, limit: 1).first?.id == 6)
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
