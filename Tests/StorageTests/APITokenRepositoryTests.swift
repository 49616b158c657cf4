import Storage
import Testing

@Suite("API tokens")
struct APITokenRepositoryTests {
    @Test("a token comes back as it was stored, by id and hash")
    func roundTrip() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            var stored = token("h1", owner: owner, expiresAt: time(60, milliseconds: 999))
            stored.scopes = ["nezha:server:exec", "nezha:*"]
            stored.serverIDs = [5, 1, 5]
            stored.lastUsedAt = time(3)
            stored.lastUsedIP = "::1"
            stored.id = try await storage.tokens.insert(stored)
            #expect(try await storage.tokens.token(id: stored.id) == stored)
            #expect(try await storage.tokens.token(hash: "h1") == stored)
            #expect(try await storage.tokens.token(hash: "H1") == nil)
            #expect(try await storage.tokens.token(hash: "") == nil)
            #expect(try await storage.tokens.token(id: 55) == nil)
        }
    }

    @Test("a known hash is a duplicate; an empty hash and an unknown owner are refused")
    func refused() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            _ = try await storage.tokens.insert(token("h", owner: owner))
            await #expect(throws: StorageError.duplicate(field: "tokenHash")) {
                try await storage.tokens.insert(token("h", owner: owner))
            }
            await #expect(throws: StorageError.self) { try await storage.tokens.insert(token("", owner: owner)) }
            await #expect(throws: StorageError.notFound) { try await storage.tokens.insert(token("i", owner: 55)) }
            #expect(try await storage.tokens.tokens(of: nil).count == 1)
        }
    }

    @Test(
        "a scope that would come back as another list is refused",
        arguments: ["nezha:server:read,nezha:*", "", " nezha:*", "nezha:*\n", ","])
    func scopesThatSplit(scope: String) async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            var bad = token("h", owner: owner)
            bad.scopes = ["nezha:server:read", scope]
            await #expect(throws: StorageError.self) { try await storage.tokens.insert(bad) }
            let id = try await storage.tokens.insert(token("h", owner: owner))
            await #expect(throws: StorageError.self) { try await storage.tokens.replaceScopes([scope], of: id) }
            #expect(try await storage.tokens.token(id: id)?.scopes == ["nezha:server:exec"])
        }
    }

    @Test("an owner's tokens have a limit, which counts their own only and holds for inserts at the same moment")
    func limit() async throws {
        try await withStorage { storage in
            let first = try await storage.users.insert(user("a"))
            let second = try await storage.users.insert(user("b"))
            _ = try await storage.tokens.insert(token("other", owner: second))
            let ids = try await withThrowingTaskGroup(of: Int64?.self) { group in
                for number in 0..<20 {
                    group.addTask { try await storage.tokens.insert(token("\(number)", owner: first), limit: 7) }
                }
                return try await group.reduce(into: [Int64]()) { ids, id in if let id { ids.append(id) } }
            }
            #expect(ids.count == 7)
            #expect(Set(try await storage.tokens.tokens(of: first).map(\.id)) == Set(ids))
            #expect(try await storage.tokens.insert(token("x", owner: second), limit: 1) == nil)
            // A place is free again.
            _ = try await storage.tokens.delete(id: ids[0])
            #expect(try await storage.tokens.insert(token("y", owner: first), limit: 7) != nil)
            await #expect(throws: StorageError.self) { try await storage.tokens.insert(token("", owner: 9), limit: 7) }
        }
    }

    @Test("tokens are listed by id descending, of one user or all")
    func lists() async throws {
        try await withStorage { storage in
            let first = try await storage.users.insert(user("a"))
            let second = try await storage.users.insert(user("b"))
            var ids: [Int64] = []
            for (hash, owner) in [("1", first), ("2", second), ("3", first)] {
                ids.append(try await storage.tokens.insert(token(hash, owner: owner)))
            }
            #expect(try await storage.tokens.tokens(of: first).map(\.id) == [ids[2], ids[0]])
            #expect(try await storage.tokens.tokens(of: nil).map(\.id) == ids.reversed())
            #expect(try await storage.tokens.tokens(of: 0).isEmpty)
        }
    }

    /// Class "deleted while in use": revoked ids are remembered, so one must never name another token.
    @Test("delete tells whether the token was there, and its id is never used again")
    func delete() async throws {
        let scratch = try Scratch()
        var handle = try scratch.open()
        let owner = try await handle.storage.users.insert(user("a"))
        let id = try await handle.storage.tokens.insert(token("h", owner: owner))
        #expect(try await handle.storage.tokens.delete(id: id))
        #expect(try await !handle.storage.tokens.delete(id: id))
        #expect(try await handle.storage.tokens.token(hash: "h") == nil)
        handle.close()
        handle = try scratch.open()
        #expect(try await handle.storage.tokens.insert(token("h", owner: owner)) > id, "also after a restart")
        handle.close()
    }

    @Test("only tokens that expired before the date go")
    func expired() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            _ = try await storage.tokens.insert(token("never", owner: owner))
            _ = try await storage.tokens.insert(token("before", owner: owner, expiresAt: time(9, milliseconds: 999)))
            _ = try await storage.tokens.insert(token("at", owner: owner, expiresAt: time(10)))
            #expect(try await storage.tokens.deleteExpired(before: time(10)) == 1)
            #expect(try await storage.tokens.tokens(of: owner).map(\.tokenHash) == ["at", "never"])
        }
    }

    @Test("touch writes time and address only; an unknown id is ignored")
    func touch() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            var stored = token("h", owner: owner)
            stored.id = try await storage.tokens.insert(stored)
            try await storage.tokens.touch(id: stored.id, usedAt: time(70, milliseconds: 5), ip: "192.0.2.7")
            try await storage.tokens.touch(id: 55, usedAt: time(70), ip: "192.0.2.7")
            stored.lastUsedAt = time(70, milliseconds: 5)
            stored.lastUsedIP = "192.0.2.7"
            #expect(try await storage.tokens.token(id: stored.id) == stored)
        }
    }

    @Test("scopes can be replaced")
    func replaceScopes() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            let id = try await storage.tokens.insert(token("h", owner: owner))
            try await storage.tokens.replaceScopes(["x", "y"], of: id)
            #expect(try await storage.tokens.token(id: id)?.scopes == ["x", "y"])
            await #expect(throws: StorageError.notFound) { try await storage.tokens.replaceScopes(["x"], of: 55) }
        }
    }
}
