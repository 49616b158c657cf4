import JSON
import Settings
import Storage
import Testing

@testable import MCPServer

/// The rules that all stored resources have in common (`rest-details.md` 1, 5 and 6), tried on every one of them.
@Suite("Resources: what all have in common")
struct ResourceRulesTests {
    @Test("every resource that is registered is tried here")
    func complete() async throws {
        let gateway = try await TestGateway()
        #expect(allResources(gateway.services).map(\.definition.name) == ResourceCase.registered.map(\.name))
        #expect(Forms.all.count == ResourceCase.registered.count)
    }

    @Test("made, listed, changed, deleted", arguments: ResourceCase.all)
    func life(resource: ResourceCase) async throws {
        try await ResourceWorld.run(resource) { world in
            let first = try await world.create(resource, "first", as: world.owner)
            let second = try await world.create(resource, "second", as: world.owner)
            #expect(try await world.list(resource, as: world.owner) == ["\(first) first", "\(second) second"])

            var form = resource.form(world.server)
            form["id"] = .integer(first)
            form["name"] = "renamed"
            let changed = try await world.call("\(resource.name).update", form, as: world.owner).get()
            #expect(changed["id"]?.int64Value == first)
            #expect(try await world.list(resource, as: world.owner) == ["\(first) renamed", "\(second) second"])

            form["id"] = .integer(999)
            let missing = await world.call("\(resource.name).update", form, as: world.owner)
            #expect(missing.failureText?.hasSuffix(" id 999 does not exist") == true)

            #expect(await world.delete(resource, [first, 999, first], as: world.owner).failureText == nil)
            #expect(try await world.list(resource, as: world.owner) == ["\(second) second"])
            #expect(await world.delete(resource, [], as: world.owner).failureText == nil)
        }
    }

    @Test(
        "ids pick from what is visible, in the order asked for; none of them found gives all",
        arguments: ResourceCase.all)
    func picking(resource: ResourceCase) async throws {
        try await ResourceWorld.run(resource) { world in
            let definition = try resource.definition(world.gateway)
            let first = try await world.create(resource, "a", as: world.owner)
            let second = try await world.create(resource, "b", as: world.owner)
            let all = ["\(first) a", "\(second) b"]
            let picks = definition.selectsByID
            #expect(
                try await world.list(resource, ids: [second, first], as: world.owner) == (picks ? all.reversed() : all))
            #expect(try await world.list(resource, ids: [second], as: world.owner) == (picks ? [all[1]] : all))
            #expect(try await world.list(resource, ids: [999], as: world.owner) == all)
            #expect(try await world.list(resource, ids: [], as: world.owner) == all)
            #expect(try await world.list(resource, ids: [first], as: world.other) == [])
        }
    }

    /// Classes "id of somebody else" and "batch with one foreign id" of `security.md`.
    @Test("somebody else's is neither seen, changed nor deleted, not even among one's own", arguments: ResourceCase.all)
    func owners(resource: ResourceCase) async throws {
        try await ResourceWorld.run(resource) { world in
            let theirs = try await world.create(resource, "theirs", as: world.owner)
            #expect(try await world.list(resource, as: world.other) == [])
            #expect(try await world.list(resource, as: world.admin) == ["\(theirs) theirs"])

            let theirServer = try await world.gateway.server(of: world.other.user?.id ?? 0, name: "own").id
            var form = resource.form(theirServer)
            form["name"] = "stolen"
            let own = try await world.call("\(resource.name).create", form, as: world.other).get()["id"]?.int64Value
            form["id"] = .integer(theirs)
            let refused = await world.call("\(resource.name).update", form, as: world.other)
            #expect(["permission denied", "unauthorized"].contains(refused.failureText))
            for ids in [[theirs], [own ?? 0, theirs]] {
                #expect(await world.delete(resource, ids, as: world.other).failureText == "permission denied")
            }
            #expect(try await world.list(resource, as: world.admin).count == 2)

            form = resource.form(world.server)
            form["id"] = .integer(theirs)
            form["name"] = "by admin"
            #expect(await world.call("\(resource.name).update", form, as: world.admin).failureText == nil)
            #expect(try await world.list(resource, as: world.owner) == ["\(theirs) by admin"], "the owner stays")
            #expect(await world.delete(resource, [theirs], as: world.admin).failureText == nil)
        }
    }

    @Test("guests write nothing; tokens need the scope of each verb", arguments: ResourceCase.all)
    func scopes(resource: ResourceCase) async throws {
        try await ResourceWorld.run(resource) { world in
            let definition = try resource.definition(world.gateway)
            let id = try await world.create(resource, "a", as: world.owner)
            var form = resource.form(world.server)
            form["name"] = "b"
            var changed = form
            changed["id"] = .integer(id)
            let verbs: [(String, JSONObject, Scope)] = [
                ("create", form, definition.writing), ("update", changed, definition.writing),
                ("delete", ["ids": [.integer(id)]], definition.deleting),
            ]
            for (verb, arguments, scope) in verbs {
                let tool = "\(resource.name).\(verb)"
                #expect(await world.call(tool, arguments, as: .guest).outcome == .unauthenticated)
                let without = try await world.gateway.token(of: world.ownerRecord, [Scope("nezha:transfer:read")])
                #expect(await world.call(tool, arguments, as: without).outcome == .scopeDenied)
                let with = try await world.gateway.token(of: world.ownerRecord, [scope])
                #expect(await world.call(tool, arguments, as: with).failureText == nil)
            }
        }
    }

    /// Class "token narrowed to servers" of `security.md`.
    @Test("a token with a server list does nothing with what is about other servers", arguments: ResourceCase.all)
    func serverLists(resource: ResourceCase) async throws {
        try await ResourceWorld.run(resource) { world in
            let id = try await world.create(resource, "a", as: world.owner)
            let inside = try await world.gateway.token(of: world.ownerRecord, servers: [world.server])
            let outside = try await world.gateway.token(of: world.ownerRecord, servers: [world.second])
            #expect(try await world.list(resource, as: inside).count == 1)
            #expect(try await world.list(resource, as: outside).count == (resource.namesServers ? 0 : 1))
            var form = resource.form(world.server)
            form["name"] = "b"
            var changed = form
            changed["id"] = .integer(id)
            let refused = resource.namesServers ? "permission denied" : nil
            #expect(await world.call("\(resource.name).create", form, as: outside).failureText == refused)
            #expect(await world.call("\(resource.name).update", changed, as: outside).failureText == refused)
            #expect(await world.call("\(resource.name).update", changed, as: inside).failureText == nil)
            #expect(await world.delete(resource, [id], as: outside).failureText == refused)
            if resource.namesServers {
                #expect(await world.delete(resource, [id], as: inside).failureText == nil)
            }
        }
    }

    @Test("each call leaves a row: ids as they are, of texts only the length", arguments: ResourceCase.all)
    func audit(resource: ResourceCase) async throws {
        try await ResourceWorld.run(resource) { world in
            let id = try await world.create(resource, "a secret name", as: world.owner)
            _ = await world.delete(resource, [id], as: world.other)
            _ = await world.delete(resource, [id], as: world.owner)
            let rows = try await world.gateway.auditRows()
            let verbs = ["delete", "delete", "create"]
            #expect(rows.map(\.tool) == verbs.map { "\(resource.name).\($0)" })
            #expect(rows.map(\.outcome) == ["ok", "permission_denied", "ok"])
            #expect(rows[0].argumentsRedacted == #"{"ids":[\#(id)]}"#)
            #expect(!rows[2].argumentsRedacted.contains("secret name"))
            #expect(rows.allSatisfy { $0.userID != 0 })
        }
    }
}
