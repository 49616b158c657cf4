import FoundationEssentials
import Synchronization
import Testing

@testable import Storage

@Suite("Moving in: the data of a Nezha dashboard")
struct ImportTests {
    /// Notes as another dashboard might keep them.
    struct NoteForm: Form {
        static let table = "notifications"
        var name = ""
        var verify_tls = false
        var weight = 1.5
        var seen: Date?
        var tags: [String] = []
        init() {}
    }

    static let secrets = ImportSecrets(
        tokenHash: { "kept:\($0.prefix(4))" },
        agentSecret: { (hash: "hash:\($0)", sealed: Array("sealed:\($0)".utf8)) })

    /// It is the third of June 2026, in a place where days begin at 22:00 UTC.
    static let calendar = ImportCalendar(now: 1_780_480_800) { ($0 + 7200) / 86_400 * 86_400 - 7200 }

    /// The tables as far as these tests need them, with the column types that program gives them.
    static let schema = """
        CREATE TABLE users (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime,
            user_id integer DEFAULT 0, username text, password char(72), role integer, agent_secret char(32),
            reject_password numeric, token_version integer NOT NULL DEFAULT 0);
        CREATE TABLE servers (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime,
            user_id integer DEFAULT 0, name text, uuid text, note text, public_note text, display_index integer,
            hide_for_guest numeric, enable_d_dns numeric, ddns_profiles_raw text DEFAULT "[]",
            override_ddns_domains_raw text DEFAULT "{}");
        CREATE TABLE server_groups (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime,
            user_id integer DEFAULT 0, name text);
        CREATE TABLE server_group_servers (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime,
            updated_at datetime, user_id integer DEFAULT 0, server_group_id integer, server_id integer);
        CREATE TABLE notifications (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime,
            user_id integer DEFAULT 0, name text, verify_tls numeric, weight real, seen datetime, tags_raw text);
        CREATE TABLE api_tokens (id integer PRIMARY KEY AUTOINCREMENT, user_id integer, name varchar(128),
            token_hash char(64), scopes_csv text, servers_csv text, expires_at datetime, last_used_at datetime,
            last_used_ip varchar(64), created_at datetime, updated_at datetime);
        CREATE TABLE nz_waf (ip binary(16), block_identifier integer, block_reason integer, block_timestamp integer,
            count integer, PRIMARY KEY (ip, block_identifier));
        CREATE TABLE jwt_sessions (key_id char(64), user_id integer, PRIMARY KEY (key_id));
        """

    static let rows = """
        INSERT INTO users VALUES
            (1, '2026-11-26 11:42:42.339721702+00:00', '2026-11-26 11:42:42.339721702+00:00', 0, 'admin',
                '$2a$10$X.EppvevQ3gqHZRlkftSpetyaA.ishAZAYQ5PlsK2CHisWp3M37LC', 0, 'secretA', 0, 3),
            (4, '2026-11-26 12:00:00+02:00', '2026-11-26T12:00:00Z', 0, 'mira', '$2a$10$x', 1, '', 1, 0),
            (5, '2026-11-26 12:00:00', NULL, 0, 'odd', '', 7, 'secretB', 0, 0);
        INSERT INTO sqlite_sequence VALUES ('server_groups', 40);
        INSERT INTO servers VALUES
            (1, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 0, 'Frankfurt ü', 'aa', 'n', '{"a":1}', 7, 0,
                1, '[1, 2]', '{"1": ["x.example.org"]}'),
            (3, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 4, '東京', 'bb', '', '', -1, 1, 0, 'null', ''),
            (9, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 4, 'never', '', '', '', 0, 0, 0, '[]', '{}'),
            (10, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 4, 'torn', 'cc', '', '', 0, 0, 0, '[1', '{}');
        INSERT INTO server_groups VALUES (2, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 4, 'G');
        INSERT INTO server_group_servers VALUES (1, '', '', 4, 2, 3), (2, '', '', 4, 2, 1), (3, '', '', 4, 2, 77);
        INSERT INTO notifications VALUES
            (1, '2026-11-26 11:42:42.5+00:00', '2026-11-26 11:42:43+00:00', 1, 'a', 1, 2, '2026-01-02 03:04:05+01:00',
                '["z", "b"]'),
            (2, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 1, 'b', 0, 0.25, '0001-01-01 00:00:00+00:00',
                'null'),
            (3, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 1, 'c', 'true', NULL, NULL, NULL),
            (8, '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00', 1, 'd', 0, 1, NULL, '{"no": "list"}');
        INSERT INTO api_tokens VALUES
            (6, 1, 'all', 'DA484B4D1B88A94B978E3E4389B8C47A6F31B449A965618CC9D13D6A58937824', 'nezha:*', '', NULL, NULL, '',
                '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00'),
            (7, 99, 'orphan', 'bed8fef693b8e35c29ef703207fdcc9d278f89fef8e83f7962b1c2753925998b', 'nezha:*', '', NULL, NULL,
                '', '2026-11-26 11:42:42+00:00', '2026-11-26 11:42:42+00:00');
        INSERT INTO nz_waf VALUES
            (x'00000000000000000000ffff7f000009', 1, 1, 1795693368, 2), (x'20010db8000000000000000000000001', -126, 2, 5, 1),
            (x'7f000009', 1, 1, 1, 1);
        INSERT INTO jwt_sessions VALUES ('k', 1), ('l', 1);
        """

    private let scratch: Scratch
    private var old: String { scratch.folder + "/old.db" }

    init() throws {
        scratch = try Scratch()
        try execute(scratch.folder + "/old.db", Self.schema + Self.rows)
    }

    private func bring(into handle: SQLiteHandle) async throws -> ImportReport {
        try await handle.importDashboard(
            from: old, secrets: Self.secrets, calendar: Self.calendar, forms: [ServerGroupForm.self, NoteForm.self],
            progress: { _, _ in })
    }

    private func open() throws -> SQLiteHandle { try scratch.open(forms: [ServerGroupForm.self, NoteForm.self]) }

    @Test("users, servers and tokens come with their ids, hashes and times")
    func records() async throws {
        let handle = try open()
        defer { handle.close() }
        _ = try await bring(into: handle)
        let storage = handle.storage
        let admin = try #require(try await storage.users.user(named: "admin"))
        #expect(admin.id == 1)
        #expect(admin.passwordHash.hasPrefix("$2a$10$X.Eppv"))
        #expect(admin.agentSecretHash == "hash:secretA")
        #expect(admin.agentSecretSealed == Array("sealed:secretA".utf8))
        #expect(admin.tokenVersion == 3)
        #expect(admin.createdAt == Date(timeIntervalSince1970: 1_795_693_362.339))
        let mira = try #require(try await storage.users.user(named: "mira"))
        #expect(mira.role == .member)
        #expect(mira.rejectPassword)
        #expect(mira.agentSecretHash.isEmpty)
        // Two hours east.
        #expect(mira.createdAt == Date(timeIntervalSince1970: 1_795_687_200))
        let servers = try await storage.servers.servers()
        #expect(Set(servers.map(\.id)) == [1, 3])
        let first = try #require(servers.first { $0.id == 1 })
        #expect(first.name == "Frankfurt ü")
        #expect(first.userID == 0)
        #expect(first.enableDDNS)
        #expect(first.ddnsProfiles == [1, 2])
        #expect(first.overrideDDNSDomains == [1: ["x.example.org"]])
        let tokens = try await storage.tokens.tokens(of: nil)
        #expect(tokens.map(\.id) == [6])
        #expect(tokens.map(\.tokenHash) == ["kept:da48"])
        #expect(try await storage.strikes.strikes().map(\.ip).sorted() == ["127.0.0.9", "2001:db8::1"])
    }

    @Test("forms come whole: lists, flags, numbers, times, and defaults for what is not there")
    func forms() async throws {
        let handle = try open()
        defer { handle.close() }
        _ = try await bring(into: handle)
        let groups = try await handle.storage.rows(of: ServerGroupForm.self).all()
        #expect(groups.map(\.id) == [2])
        #expect(groups.map(\.owner) == [4])
        #expect(groups.map(\.form.servers) == [[3, 1]])
        let notes = try await handle.storage.rows(of: NoteForm.self).all()
        #expect(notes.map(\.form.name) == ["a", "b", "c"])
        #expect(notes.map(\.form.verify_tls) == [true, false, true])
        #expect(notes.map(\.form.weight) == [2, 0.25, 1.5])
        #expect(notes.map(\.form.tags) == [["z", "b"], [], []])
        #expect(notes.map(\.form.seen) == [Date(timeIntervalSince1970: 1_767_319_445), nil, nil])
        #expect(notes.first?.createdAt == Date(timeIntervalSince1970: 1_795_693_362.5))
        #expect(notes.first?.updatedAt == Date(timeIntervalSince1970: 1_795_693_363))
    }

    @Test("what stays behind is told, and why")
    func told() async throws {
        let handle = try open()
        defer { handle.close() }
        let report = try await bring(into: handle)
        #expect(
            report.kinds.map { "\($0.name) \($0.brought)/\($0.found)" } == [
                "users 2/3", "servers 2/4", "notifications 3/4", "server groups 1/1", "API tokens 1/2",
                "blocked addresses 2/3",
            ])
        #expect(
            report.skipped.map { "\($0.kind) \($0.id): \($0.reason)" } == [
                "users 5: unknown role", "servers 9: no UUID: no agent ever came for it",
                "servers 10: ddns_profiles cannot be read", "notifications 8: tags cannot be read",
                "API tokens 7: the owner does not exist", "blocked addresses 0: no address",
            ])
        #expect(report.left == [.init(name: "log-ins", count: 2, reason: "everybody logs in again")])
    }

    /// Days of monitor 1 are 1,780,178,400 and so on; hours of servers 1 and 3.
    static let history = """
        CREATE TABLE services (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime,
            user_id integer DEFAULT 0, name text, type integer, target text);
        INSERT INTO services VALUES (1, '2026-01-01 00:00:00+00:00', '2026-01-01 00:00:00+00:00', 1, 'm', 2, 'x.example');
        CREATE TABLE transfers (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, updated_at datetime,
            user_id integer DEFAULT 0, server_id integer, "in" integer, "out" integer);
        INSERT INTO transfers VALUES
            (1, '2026-05-31 11:00:00+00:00', '', 0, 3, 10, 1), (2, '2026-05-31 11:00:00+00:00', '', 0, 1, 7, 0),
            (3, '2026-05-31 13:00:00+02:00', '', 0, 3, 20, 2), (4, '2026-05-31 12:30:00+00:00', '', 0, 3, 5, 5),
            (5, '2020-01-01 00:00:00+00:00', '', 0, 3, 9223372036854775807, 0),
            (6, '2020-01-01 00:00:00+00:00', '', 0, 3, 1, 0), (7, '2026-05-31 14:00:00+00:00', '', 0, 3, 0, 0),
            (8, '2026-05-31 11:00:00+00:00', '', 0, 77, 1, 1), (9, '2026-05-31 11:00:00+00:00', '', 0, 3, -1, 1),
            (10, 'never', '', 0, 3, 1, 1);
        CREATE TABLE service_histories (id integer PRIMARY KEY AUTOINCREMENT, created_at datetime, service_id integer,
            server_id integer, avg_delay real, up integer, down integer, data text);
        INSERT INTO service_histories VALUES
            (1, '2026-05-30 21:59:59+00:00', 1, 0, 10, 30, 0, ''),
            (2, '2026-05-30 22:00:00+00:00', 1, 0, 20, 10, 20, ''),
            (3, '2026-05-31 21:59:59+00:00', 1, 0, 50, 20, 10, ''),
            (4, '2026-06-01 08:00:00+00:00', 1, 0, 0, 0, 30, ''),
            (5, '2026-05-31 08:00:00+00:00', 1, 3, 50, 0, 0, ''), (6, '2026-05-03 21:59:59+00:00', 1, 0, 1, 30, 0, ''),
            (7, '2026-05-03 22:00:00+00:00', 1, 0, NULL, 30, 0, ''),
            (8, '2026-06-01 08:00:00+00:00', 9, 0, 1, 30, 0, ''),
            (9, '2026-06-01 08:00:00+00:00', 1, 0, 1, -1, 0, '');
        """

    @Test("hours of traffic and days of monitors come, summed up; what cannot be kept is told by number and reason")
    func history() async throws {
        try execute(old, Self.history)
        let handle = try scratch.open(forms: [ServerGroupForm.self, ServiceForm.self])
        defer { handle.close() }
        let seen = Steps()
        let report = try await handle.importDashboard(
            from: old, secrets: Self.secrets, calendar: Self.calendar, forms: [ServerGroupForm.self, ServiceForm.self],
            progress: { seen.add($0, $1) })
        let hours = try await handle.storage.rows(of: TrafficHourForm.self).all()
        #expect(
            hours.map { [$0.form.serverID, $0.form.hour, $0.form.bytesIn, $0.form.bytesOut] } == [
                [1, 1_780_225_200, 7, 0], [3, 1_577_836_800, .max, 0], [3, 1_780_225_200, 30, 3],
                [3, 1_780_228_800, 5, 5],
            ])
        #expect(Set(hours.map(\.owner)) == [0])
        let days = try await handle.storage.rows(of: ServiceDayForm.self).all()
        #expect(
            days.map { [$0.form.serviceID, $0.form.day, $0.form.up, $0.form.down] } == [
                [1, 1_777_845_600, 30, 0], [1, 1_780_092_000, 30, 0], [1, 1_780_178_400, 30, 30],
                [1, 1_780_264_800, 0, 30],
            ])
        #expect(days.map(\.form.delay) == [0, 10, 40, 0])
        #expect(
            report.kinds.suffix(2) == [
                .init(name: "hours of traffic", found: 10, brought: 7),
                .init(name: "results of monitors", found: 9, brought: 5),
            ])
        #expect(
            report.left.map { "\($0.count) \($0.name): \($0.reason)" } == [
                "1 hours of traffic: no number of bytes", "1 hours of traffic: no time",
                "1 hours of traffic: the server does not exist",
                "1 results of monitors: delays of single servers are metrics, whose history stays behind",
                "1 results of monitors: no number of results",
                "1 results of monitors: older than the 30 days that are kept",
                "1 results of monitors: the monitor does not exist", "2 log-ins: everybody logs in again",
                "4 notifications: not kept here",
            ])
        #expect(seen.last.map { $0.done == $0.total } == true)
    }

    private final class Steps: Sendable {
        private let steps = Mutex<[(done: Int, total: Int)]>([])
        var last: (done: Int, total: Int)? { steps.withLock { $0.last } }
        func add(_ done: Int, _ total: Int) { steps.withLock { $0.append((done, total)) } }
    }

    @Test("an id that was given over there is not given again")
    func ids() async throws {
        let handle = try open()
        defer { handle.close() }
        _ = try await bring(into: handle)
        let group = try await handle.storage.rows(of: ServerGroupForm.self).insert(
            ServerGroupForm(name: "new", servers: []), owner: 1, at: Date())
        #expect(group.id == 41)
        #expect(try await handle.storage.tokens.tokens(of: 99).isEmpty)
    }

    @Test("a second run refuses, and so does a database that somebody uses")
    func again() async throws {
        let handle = try open()
        defer { handle.close() }
        _ = try await bring(into: handle)
        await #expect(throws: ImportError.notEmpty) { try await bring(into: handle) }
    }

    @Test("partial writes: what is no such database leaves nothing behind, and is not changed itself")
    func nothing() async throws {
        let other = scratch.folder + "/other.db"
        try execute(other, "CREATE TABLE users (id INTEGER)")
        let text = scratch.folder + "/text.db"
        try Data("not a database, but long enough to be looked at as one".utf8).write(to: URL(fileURLWithPath: text))
        let before = try Data(contentsOf: URL(fileURLWithPath: old))
        let handle = try open()
        defer { handle.close() }
        for path in [other, text] {
            await #expect(throws: ImportError.notADashboard(path: path)) {
                try await handle.importDashboard(
                    from: path, secrets: Self.secrets, calendar: Self.calendar, progress: { _, _ in })
            }
        }
        await #expect(throws: ImportError.notAtRest(path: "/nowhere/sqlite.db")) {
            try await handle.importDashboard(
                from: "/nowhere/sqlite.db", secrets: Self.secrets, calendar: Self.calendar, progress: { _, _ in })
        }
        #expect(try await handle.storage.users.users().isEmpty)
        _ = try await bring(into: handle)
        #expect(try Data(contentsOf: URL(fileURLWithPath: old)) == before)
    }

    @Test(
        "times as that program writes them",
        arguments: [
            ("2026-11-26 11:42:42.339721702+00:00", 1_795_693_362_339 as Int64?), ("1970-01-01 00:00:00+00:00", 0),
            ("2024-02-29T23:59:59.9Z", 1_709_251_199_900), ("2026-11-26 11:42:42 +0100 CET", 1_795_689_762_000),
            ("0001-01-01 00:00:00+00:00", -62_135_596_800_000), ("2000-03-01 00:00:00-00:30", 951_870_600_000),
            ("2026-13-01 00:00:00", nil), ("yesterday", nil), ("", nil), ("2026-11-26", nil),
        ])
    func times(text: String, milliseconds: Int64?) {
        #expect(OldTime.milliseconds(text) == milliseconds)
    }
}
