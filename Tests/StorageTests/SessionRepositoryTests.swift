import FoundationEssentials
import Storage
import Testing

@Suite("Sessions")
struct SessionRepositoryTests {
    @Test("a session comes back as it was stored")
    func roundTrip() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            var stored = session("key", user: owner, expiresAt: time(60, milliseconds: 1))
            stored.tokenVersion = 4
            stored.revokedAt = time(30)
            stored.id = try await storage.sessions.insert(stored)
            #expect(try await storage.sessions.session(keyID: "key") == stored)
            #expect(try await storage.sessions.session(keyID: "") == nil)
            #expect(try await storage.sessions.session(keyID: "KEY") == nil)
        }
    }

    @Test("a known key is a duplicate; an empty key and an unknown user are refused")
    func refused() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            _ = try await storage.sessions.insert(session("key", user: owner))
            await #expect(throws: StorageError.duplicate(field: "keyID")) {
                try await storage.sessions.insert(session("key", user: owner))
            }
            await #expect(throws: StorageError.self) {
                try await storage.sessions.insert(session("", user: owner))
            }
            await #expect(throws: StorageError.notFound) {
                try await storage.sessions.insert(session("other", user: 55))
            }
        }
    }

    @Test("extend and touch move the times; a revoked session is not extended")
    func times() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            _ = try await storage.sessions.insert(session("key", user: owner))
            try await storage.sessions.touch(keyID: "key", usedAt: time(10))
            #expect(try await storage.sessions.session(keyID: "key")?.lastUsedAt == time(10))
            try await storage.sessions.extend(keyID: "key", until: time(9000), usedAt: time(20))
            let extended = try #require(try await storage.sessions.session(keyID: "key"))
            #expect(extended.expiresAt == time(9000))
            #expect(extended.lastUsedAt == time(20))

            try await storage.sessions.revoke(keyID: "key", at: time(30))
            try await storage.sessions.revoke(keyID: "key", at: time(40))
            await #expect(throws: StorageError.notFound) {
                try await storage.sessions.extend(keyID: "key", until: time(99_999), usedAt: time(50))
            }
            await #expect(throws: StorageError.notFound) {
                try await storage.sessions.extend(keyID: "unknown", until: time(99_999), usedAt: time(50))
            }
            let revoked = try #require(try await storage.sessions.session(keyID: "key"))
            #expect(revoked.revokedAt == time(30))
            #expect(revoked.expiresAt == time(9000))
        }
    }

    @Test("purge takes what expired over an hour or was revoked over a day ago")
    func purge() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            let now = time(1_000_000)
            func add(_ key: String, expires: Double, revoked: Double? = nil) async throws {
                var row = session(key, user: owner, expiresAt: now + expires)
                row.revokedAt = revoked.map { now + $0 }
                _ = try await storage.sessions.insert(row)
            }
            try await add("alive", expires: 60)
            try await add("just expired", expires: -3600)
            try await add("long expired", expires: -3600.001)
            try await add("just revoked", expires: 60, revoked: -86400)
            try await add("long revoked", expires: 60, revoked: -86400.001)
            #expect(try await storage.sessions.purge(now: now) == 2)
            for key in ["alive", "just expired", "just revoked"] {
                #expect(try await storage.sessions.session(keyID: key) != nil)
            }
        }
    }
}
