import Foundation
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Resources: one of the tests' own")
struct NoteResourceTests {
    private func withNotes(_ body: @Sendable (ResourceWorld) async throws -> Void) async throws {
        let resource = try #require(ResourceCase.all.last)
        try await ResourceWorld.run(resource, body)
    }

    @Test("its tools have schemas, scopes and names; secrets are no output, what others count is no argument")
    func schemas() async throws {
        try await withNotes { world in
            let tools = world.gateway.registry.definitions.filter { $0.name.hasPrefix("note.") }
            #expect(tools.map(\.name) == ["note.list", "note.create", "note.update", "note.delete"])
            #expect(
                tools.map(\.access) == [
                    .user([Scope("nezha:cron:read")]), .user([Scope("nezha:cron:write")]),
                    .user([Scope("nezha:cron:write")]), .user([Scope("nezha:cron:delete")]),
                ])
            let inputs = try tools.map { try $0.inputSchema.document()["properties"]?.objectValue?.keys ?? [] }
            #expect(
                inputs == [
                    ["ids"], ["name", "text", "secret", "servers", "shout"],
                    ["id", "name", "text", "secret", "servers", "shout"], ["ids"],
                ])
            let item = try #require(try tools[0].outputSchema.document()["items"])
            #expect(
                item["properties"]?.objectValue?.keys
                    == ["id", "created_at", "updated_at", "name", "text", "servers", "views"])
            #expect(item["required"] == ["id", "created_at", "updated_at", "name", "text"])
        }
    }

    @Test("a list leaves out what is empty; a secret stays when it is left empty, and what others count always")
    func keeping() async throws {
        try await withNotes { world in
            let rows = world.gateway.storage.rows(of: NoteForm.self)
            let made = try await world.call(
                "note.create", ["text": "hello", "secret": "s1", "shout": true, "views": 99], as: world.owner
            ).get()
            let id = try #require(made["id"]?.int64Value)
            try await rows.update(id: id) { $0.form.views = 7 }
            _ = try await world.call("note.update", ["id": .integer(id), "text": "x"], as: world.owner).get()
            var stored = try #require(try await rows.find(id: id)?.form)
            #expect(stored.text == "x")
            #expect(stored.secret == "s1")
            #expect(stored.views == 7)
            _ = try await world.call(
                "note.update", ["id": .integer(id), "text": "y", "secret": "s2"], as: world.owner
            ).get()
            stored = try #require(try await rows.find(id: id)?.form)
            #expect(stored.secret == "s2")
            let list = try await world.call("note.list", as: world.owner).get()
            let row = try #require(list.arrayValue?.first?.objectValue)
            #expect(row.keys == ["id", "created_at", "updated_at", "name", "text", "views"])
        }
    }

    /// Class "resources that run out": a member with a log-in cannot fill the disk.
    @Test("a member has so many of each kind and no more, an administrator any number; a row has so many bytes")
    func limits() async throws {
        try await withNotes { world in
            let rows = world.gateway.storage.rows(of: NoteForm.self)
            for _ in 0..<1999 { _ = try await rows.insert(NoteForm(), owner: world.ownerRecord.id, at: Date()) }
            let last = try await world.call("note.create", ["text": "last"], as: world.owner).get()
            let refused = await world.call("note.create", ["text": "more"], as: world.owner)
            #expect(refused.failureText == "too many notes (max 2000 per user); delete one first")
            _ = try await world.call("note.create", ["text": "theirs"], as: world.other).get()
            let id = try #require(last["id"])
            _ = try await world.call("note.update", ["id": id, "text": "changed"], as: world.owner).get()
            _ = try await world.call("note.delete", ["ids": [id]], as: world.owner).get()
            let made = try await world.call("note.create", ["text": "again"], as: world.owner).get()
            for _ in 0..<2000 { _ = try await rows.insert(NoteForm(), owner: world.admin.user?.id ?? 0, at: Date()) }
            _ = try await world.call("note.create", ["text": "more"], as: world.admin).get()

            let long = JSONValue.string(String(repeating: "n", count: 256 << 10))
            let tooLarge = "this note is too large (max 262144 bytes)"
            let created = await world.call("note.create", ["text": long], as: world.other)
            #expect(created.failureText == tooLarge)
            let updated = await world.call("note.update", ["id": made["id"] ?? 0, "text": long], as: world.owner)
            #expect(updated.failureText == tooLarge)
        }
    }

    @Test("its own rule speaks, with nothing stored; wrong types are told by the schema")
    func refusals() async throws {
        try await withNotes { world in
            #expect(await world.call("note.create", [:], as: world.owner).failureText == "a note needs a text")
            let wrong = await world.call("note.create", ["text": 5], as: world.owner)
            #expect(wrong.failureText == "invalid arguments: /text: must be string")
            let stored = try await world.gateway.storage.rows(of: NoteForm.self).all()
            #expect(stored.isEmpty)
        }
    }
}
