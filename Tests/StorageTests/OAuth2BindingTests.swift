import Testing

@testable import Storage

struct OAuth2BindingTests {
    private let github = OAuth2Binding(provider: "github", openID: "42")
    private let other = OAuth2Binding(provider: "other", openID: "42")

    @Test("an identity finds the user who was bound to it first; binding it again changes nothing")
    func find() async throws {
        try await withStorage { storage in
            let first = try await storage.users.insert(user("a"))
            let second = try await storage.users.insert(user("b"))
            try await storage.users.bind(github, to: first)
            try await storage.users.bind(github, to: second)
            try await storage.users.bind(github, to: first)
            #expect(try await storage.users.user(boundTo: github)?.id == first)
            #expect(try await storage.users.user(boundTo: other) == nil)
            #expect(try await storage.users.user(boundTo: OAuth2Binding(provider: "github", openID: "4")) == nil)
            #expect(try await storage.users.bindings(of: first) == [github])
            _ = try await storage.users.delete(ids: [first])
            #expect(try await storage.users.user(boundTo: github)?.id == second)
        }
    }

    @Test("nobody is bound to an empty id or as an unknown user")
    func refused() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            await #expect(throws: StorageError.notFound) { try await storage.users.bind(github, to: 99) }
            // The table itself has no room for it.
            try? await storage.users.bind(OAuth2Binding(provider: "github", openID: ""), to: id)
            #expect(try await storage.users.bindings(of: id).isEmpty)
            #expect(try await storage.users.user(boundTo: OAuth2Binding(provider: "github", openID: "")) == nil)
        }
    }

    @Test("the last way to log in stays")
    func lastWayIn() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            await #expect(throws: StorageError.self) {
                try await storage.users.setPassword("h", rejectPassword: true, username: nil, for: id)
            }
            try await storage.users.bind(github, to: id)
            try await storage.users.bind(OAuth2Binding(provider: "github", openID: "43"), to: id)
            try await storage.users.setPassword("h", rejectPassword: true, username: nil, for: id)
            #expect(try await storage.users.unbind(provider: "other", from: id) == .none)
            #expect(try await storage.users.unbind(provider: "github", from: id) == .lastWayIn)
            #expect(try await storage.users.bindings(of: id).count == 2)
            try await storage.users.bind(other, to: id)
            #expect(try await storage.users.unbind(provider: "github", from: id) == .done)
            #expect(try await storage.users.bindings(of: id) == [other])
            try await storage.users.setPassword("h", rejectPassword: false, username: nil, for: id)
            #expect(try await storage.users.unbind(provider: "other", from: id) == .done)
        }
    }

    @Test("a renewed hash takes the place of the one that was read, ends no log-in, and of no other one")
    func renewedHash() async throws {
        try await withStorage { storage in
            let id = try await storage.users.insert(user("a"))
            let before = try #require(try await storage.users.user(id: id))
            try await storage.users.replacePasswordHash("another", by: "new", for: id)
            #expect(try await storage.users.user(id: id)?.passwordHash == before.passwordHash)
            try await storage.users.replacePasswordHash(before.passwordHash, by: "new", for: id)
            let after = try #require(try await storage.users.user(id: id))
            #expect(after.passwordHash == "new")
            #expect(after.tokenVersion == before.tokenVersion)
        }
    }

    @Test("several users are deleted at once, unknown ones passed over")
    func deleteSeveral() async throws {
        try await withStorage { storage in
            let first = try await storage.users.insert(user("a"))
            let second = try await storage.users.insert(user("b"))
            let third = try await storage.users.insert(user("c"))
            let servers = [
                try await storage.servers.insert(server("u1", owner: first)),
                try await storage.servers.insert(server("u2", owner: third)),
            ]
            let deleted = try await storage.users.delete(ids: [first, 99, third, first])
            #expect(deleted.servers == servers)
            #expect(try await storage.users.users().map(\.id) == [second])
        }
    }
}
