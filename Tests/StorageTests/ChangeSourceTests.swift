import Storage
import Testing

@Suite("Revision of identities")
struct ChangeSourceTests {
    @Test("every change to users, servers, groups and tokens raises it")
    func changes() async throws {
        try await withStorage { storage in
            var last = try await storage.changes.revision()
            func grew(_ what: String, _ line: Int = #line) async throws {
                let now = try await storage.changes.revision()
                #expect(now > last, "\(what)")
                last = now
            }
            let owner = try await storage.users.insert(user("a"))
            try await grew("user inserted")
            var changed = try #require(try await storage.users.user(id: owner))
            changed.role = .administrator
            try await storage.users.update(changed)
            try await grew("role changed")
            try await storage.users.setPassword("x", rejectPassword: nil, username: nil, for: owner)
            try await grew("password changed")
            var machine = server("u")
            machine.id = try await storage.servers.insert(machine)
            try await grew("server inserted")
            machine.hideForGuest = true
            try await storage.servers.update(machine)
            try await grew("server changed")
            _ = try await storage.serverTransfers.start(transfer(of: machine.id, from: 0, to: owner))
            try await grew("owner changed")
            let groups = storage.rows(of: ServerGroupForm.self)
            let group = try await groups.insert(ServerGroupForm(name: "g", servers: []), owner: owner, at: time(1))
            try await grew("group inserted")
            let member = machine.id
            try await groups.update(id: group.id) { $0.form.servers = [member] }
            try await grew("members changed")
            try await groups.update(id: group.id) { $0.form.name = "h" }
            try await grew("group renamed")
            let id = try await storage.tokens.insert(token("h", owner: owner, expiresAt: time(5)))
            try await grew("token inserted")
            try await storage.tokens.replaceScopes(["x"], of: id)
            try await grew("scopes replaced")
            #expect(try await storage.tokens.deleteExpired(before: time(9)) == 1)
            try await grew("token deleted")
            try await groups.delete(ids: [group.id]) { _ in }
            try await grew("group deleted")
            try await storage.servers.delete(ids: [machine.id])
            try await grew("server deleted")
            _ = try await storage.users.delete(ids: [owner])
            try await grew("user deleted")
        }
    }

    @Test("mere use, saving without a change, sessions, audit rows, strikes and failures do not raise it")
    func noChanges() async throws {
        try await withStorage { storage in
            let owner = try await storage.users.insert(user("a"))
            let id = try await storage.tokens.insert(token("h", owner: owner))
            let machine = try await storage.servers.insert(server("u"))
            let groups = storage.rows(of: ServerGroupForm.self)
            let form = ServerGroupForm(name: "g", servers: [machine])
            let group = try await groups.insert(form, owner: owner, at: time(1))
            let before = try await storage.changes.revision()

            try await storage.tokens.touch(id: id, usedAt: time(70), ip: "192.0.2.7")
            try await storage.tokens.replaceScopes(["nezha:server:exec"], of: id)
            var sameUser = try #require(try await storage.users.user(id: owner))
            sameUser.updatedAt = time(88)
            try await storage.users.update(sameUser)
            var sameServer = try #require(try await storage.servers.server(id: machine))
            sameServer.updatedAt = time(88)
            try await storage.servers.update(sameServer)
            try await groups.update(id: group.id) { $0.updatedAt = time(88) }
            _ = try await storage.sessions.insert(session("k", user: owner))
            try await storage.sessions.touch(keyID: "k", usedAt: time(5))
            try await storage.audit.append([auditRow("t")])
            try await storage.strikes.put(
                StrikeRecord(ip: "::1", identifier: 1, count: 1, reason: .manual, lastAt: time(1)))
            await #expect(throws: StorageError.self) { try await storage.users.insert(user("a")) }
            #expect(try await storage.tokens.delete(id: 55) == false)

            #expect(try await storage.changes.revision() == before)
        }
    }

    @Test("a second handle sees changes, and its own are seen")
    func acrossHandles() async throws {
        let scratch = try Scratch()
        let gateway = try scratch.open(.serve)
        defer { gateway.close() }
        let tool = try scratch.open(.tool)
        defer { tool.close() }
        let before = try await gateway.storage.changes.revision()
        let owner = try await tool.storage.users.insert(user("a"))
        let id = try await tool.storage.tokens.insert(token("h", owner: owner))
        #expect(try await gateway.storage.changes.revision() > before)
        #expect(try await gateway.storage.tokens.token(hash: "h")?.id == id)
        #expect(try await gateway.storage.tokens.delete(id: id))
        #expect(try await tool.storage.tokens.token(id: id) == nil)
        #expect(try await tool.storage.changes.revision() == gateway.storage.changes.revision())
    }
}
