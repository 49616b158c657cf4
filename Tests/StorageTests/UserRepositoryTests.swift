import Storage
import Testing

@Suite("Users")
struct UserRepositoryTests {
    @Test("a user comes back as stored, by id, name and agent secret")
    func roundTrip() async throws {
        try await withStorage { storage in
            var stored = user("élise")
            stored.role = .administrator
            stored.rejectPassword = true
            stored.tokenVersion = 7
            stored.createdAt = time(5, milliseconds: 123)
            stored.id = 99
            stored.id = try await storage.users.insert(stored)
            #expect(stored.id == 1, "the id is the database's choice")
            #expect(try await storage.users.user(id: 1) == stored)
            #expect(try await storage.users.user(named: "élise") == stored)
            #expect(try await storage.users.user(agentSecretHash: "secret of élise") == stored)
            #expect(try await storage.users.users() == [stored])
            #expect(try await storage.users.count() == 1)
        }
    }

    @Test("what is not there is nil")
    func missing() async throws {
        try await withStorage { storage in
            _ = try await storage.users.insert(user("a"))
            #expect(try await storage.users.user(id: 0) == nil)
            #expect(try await storage.users.user(id: 2) == nil)
            #expect(try await storage.users.user(named: "A") == nil, "names are case-sensitive")
            #expect(try await storage.users.user(named: "' OR 1=1 --") == nil)
            #expect(try await storage.users.user(agentSecretHash: "x") == nil)
        }
    }

    @Test("a taken name or agent secret is a duplicate of that field")
    func duplicates() async throws {
        try await withStorage { storage in
            _ = try await storage.users.insert(user("a"))
            let id = try await storage.users.insert(user("b"))
            await #expect(throws: StorageError.duplicate(field: "username")) {
                try await storage.users.insert(user("a", secret: "other"))
            }
            await #expect(throws: StorageError.duplicate(field: "agentSecretHash")) {
                try await storage.users.insert(user("c", secret: "secret of a"))
            }
            var renamed = try #require(try await storage.users.user(id: id))
            renamed.username = "a"
            await #expect(throws: StorageError.duplicate(field: "username")) {
                try await storage.users.update(renamed)
            }
            await #expect(throws: StorageError.duplicate(field: "username")) {
                try await storage.users.setPassword("h", rejectPassword: nil, username: "a", for: id)
            }
            #expect(try await storage.users.user(id: id)?.tokenVersion == 0, "the failed change left nothing")
        }
    }

    @Test("users without an agent secret do not clash, and an empty secret finds nobody")
    func noSecret() async throws {
        try await withStorage { storage in
            _ = try await storage.users.insert(user("a", secret: ""))
            _ = try await storage.users.insert(user("b", secret: ""))
            #expect(try await storage.users.user(agentSecretHash: "") == nil)
        }
    }

    @Test("update replaces everything but id and creation, and never lowers the token version")
    func update() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            let stale = try #require(try await storage.users.user(id: id))
            try await storage.users.setPassword("new", rejectPassword: nil, username: nil, for: id)
            var changed = stale
            changed.username = "b"
            changed.role = .administrator
            changed.agentSecretHash = "other"
            changed.agentSecretSealed = []
            changed.createdAt = time(999)
            changed.updatedAt = time(1000)
            try await storage.users.update(changed)
            changed.createdAt = stale.createdAt
            changed.tokenVersion = 1
            #expect(try await storage.users.user(id: id) == changed)
            var unknown = changed
            unknown.id = 55
            await #expect(throws: StorageError.notFound) { try await storage.users.update(unknown) }
        }
    }

    @Test("a new password raises the token version and revokes the user's sessions, nobody else's")
    func setPassword() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            let other = try await storage.users.insert(user("b"))
            _ = try await storage.sessions.insert(session("k1", user: id))
            _ = try await storage.sessions.insert(session("k2", user: id))
            _ = try await storage.sessions.insert(session("k3", user: other))
            try await storage.sessions.revoke(keyID: "k2", at: time(50))
            try await storage.users.bind(OAuth2Binding(provider: "p", openID: "1"), to: id)
            try await storage.users.setPassword("new", rejectPassword: true, username: "c", for: id)
            let changed = try #require(try await storage.users.user(named: "c"))
            #expect(changed.passwordHash == "new")
            #expect(changed.rejectPassword)
            #expect(changed.tokenVersion == 1)
            #expect(changed.updatedAt > time(2))
            #expect(try await storage.sessions.session(keyID: "k1")?.revokedAt != nil)
            #expect(try await storage.sessions.session(keyID: "k2")?.revokedAt == time(50))
            #expect(try await storage.sessions.session(keyID: "k3")?.revokedAt == nil)
            try await storage.users.setPassword("newer", rejectPassword: nil, username: nil, for: id)
            let again = try #require(try await storage.users.user(id: id))
            #expect(again.rejectPassword)
            #expect(again.username == "c")
            #expect(again.tokenVersion == 2)
            await #expect(throws: StorageError.notFound) {
                try await storage.users.setPassword("x", rejectPassword: nil, username: nil, for: 55)
            }
        }
    }

    @Test("deleting a user takes their servers, memberships, tokens and sessions, and leaves the rest")
    func delete() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            let other = try await storage.users.insert(user("b"))
            let mine = try await storage.servers.insert(server("u1", owner: id))
            let alsoMine = try await storage.servers.insert(server("u2", owner: id))
            let theirs = try await storage.servers.insert(server("u3", owner: other))
            let nobodys = try await storage.servers.insert(server("u4", owner: 0))
            let groups = storage.rows(of: ServerGroupForm.self)
            let form = ServerGroupForm(name: "g", servers: [mine, theirs])
            let group = try await groups.insert(form, owner: id, at: time(1))
            let first = try await storage.tokens.insert(token("h1", owner: id))
            let kept = try await storage.tokens.insert(token("h2", owner: other))
            let second = try await storage.tokens.insert(token("h3", owner: id))
            _ = try await storage.sessions.insert(session("k1", user: id))
            _ = try await storage.sessions.insert(session("k2", user: other))

            let deleted = try await storage.users.delete(ids: [id])
            #expect(deleted.servers == [mine, alsoMine])
            #expect(deleted.tokens == [first, second])
            #expect(try await storage.users.user(id: id) == nil)
            #expect(try await storage.servers.servers().map(\.id) == [theirs, nobodys])
            #expect(try await groups.find(id: group.id)?.form.servers == [theirs])
            #expect(try await storage.tokens.tokens(of: nil).map(\.id) == [kept])
            #expect(try await storage.sessions.session(keyID: "k1") == nil)
            #expect(try await storage.sessions.session(keyID: "k2") != nil)

            let again = try await storage.users.delete(ids: [id])
            #expect(again.servers.isEmpty)
            #expect(again.tokens.isEmpty)
        }
    }

    @Test("deleting user 0 does not take the servers of the global secret")
    func deleteNobody() async throws {
        try await withStorage { storage in
            _ = try await storage.servers.insert(server("u", owner: 0))
            let deleted = try await storage.users.delete(ids: [0])
            #expect(deleted.servers.isEmpty)
            #expect(try await storage.servers.servers().count == 1)
        }
    }

    /// SQLite would take `admin` and what follows a NUL for `admin`.
    @Test("a name with a NUL is another name")
    func nul() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("admin"))
            #expect(try await storage.users.user(named: "admin\0") == nil)
            let other = try await storage.users.insert(user("admin\0x"))
            #expect(try await storage.users.user(id: other)?.username == "admin\u{FFFD}x")
            #expect(try await storage.users.user(named: "admin")?.id == id)
            #expect(try await storage.users.user(named: "admin\0x")?.id == other)
        }
    }

    @Test("an id is never used again")
    func idsAreNotReused() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            _ = try await storage.users.delete(ids: [id])
            #expect(try await storage.users.insert(user("a")) > id)
        }
    }
}
