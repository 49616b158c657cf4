import Storage
import Testing

@Suite("Servers and groups")
struct ServerRepositoryTests {
    @Test("a server comes back as it was stored, by id and UUID")
    func roundTrip() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            var stored = server("6ba7b810-9dad-11d1-80b4-00c04fd430c8", owner: owner, index: -3)
            stored.note = "line\nwith \u{1} and \"quotes\""
            stored.publicNote = "{}"
            stored.hideForGuest = true
            stored.enableDDNS = true
            stored.ddnsProfiles = [3, 1]
            stored.overrideDDNSDomains = [1: ["a.example", "b.example"], 3: []]
            stored.id = try await storage.servers.insert(stored)
            #expect(try await storage.servers.server(id: stored.id) == stored)
            #expect(try await storage.servers.server(uuid: stored.uuid) == stored)
            #expect(try await storage.servers.server(id: 77) == nil)
            #expect(try await storage.servers.server(uuid: "") == nil)
        }
    }

    @Test("a known UUID is a duplicate, an empty one is refused")
    func uuids() async throws {
        try await withStorage { storage in
            _ = try await storage.servers.insert(server("u"))
            await #expect(throws: StorageError.duplicate(field: "uuid")) {
                try await storage.servers.insert(server("u"))
            }
            await #expect(throws: StorageError.self) { try await storage.servers.insert(server("")) }
        }
    }

    /// Class "binding to an id that does not exist yet".
    @Test("an owner who does not exist is refused")
    func owners() async throws {
        try await withStorage { storage in
            await #expect(throws: StorageError.notFound) { try await storage.servers.insert(server("u", owner: 1)) }
            let owner = try await storage.users.insert(user("a"))
            for id in [0, owner] {
                let inserted = try await storage.servers.insert(server("u\(id)", owner: id))
                #expect(try await storage.servers.server(id: inserted)?.userID == id)
            }
        }
    }

    @Test("update leaves id, UUID, owner and creation alone")
    func update() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            let id = try await storage.servers.insert(server("u", owner: owner))
            var changed = server("other", owner: 0, index: 9)
            changed.id = id
            changed.name = "new"
            changed.ddnsProfiles = [8]
            changed.createdAt = time(99)
            changed.updatedAt = time(100)
            try await storage.servers.update(changed)
            changed.uuid = "u"
            changed.userID = owner
            changed.createdAt = time(1)
            #expect(try await storage.servers.server(id: id) == changed)
            changed.id = 55
            await #expect(throws: StorageError.notFound) { try await storage.servers.update(changed) }
        }
    }

    @Test("servers are listed by display index descending, then id")
    func order() async throws {
        try await withStorage { storage in
            for (uuid, index) in [("a", 0), ("b", 5), ("c", 0), ("d", -1), ("e", 5)] {
                _ = try await storage.servers.insert(server(uuid, index: Int64(index)))
            }
            #expect(try await storage.servers.servers().map(\.uuid) == ["b", "e", "a", "c", "d"])
        }
    }

    @Test("deleting servers ignores unknown ids, ends memberships and never gives an id away again")
    func delete() async throws {
        try await withStorage { storage in
            let first = try await storage.servers.insert(server("a"))
            let second = try await storage.servers.insert(server("b"))
            let groups = storage.rows(of: ServerGroupForm.self)
            let form = ServerGroupForm(name: "g", servers: [first, second])
            let group = try await groups.insert(form, owner: 7, at: time(1))
            try await storage.servers.delete(ids: [second, 55, second])
            try await storage.servers.delete(ids: [])
            #expect(try await storage.servers.servers().map(\.id) == [first])
            #expect(try await groups.find(id: group.id)?.form.servers == [first])
            #expect(try await storage.servers.insert(server("b")) > second)
        }
    }
}
