import JSON
import Storage
import Testing

@testable import MCPServer

/// What rules of one user may not take from others.
@Suite("Resources: what one user's rules may take")
struct ResourceLimitTests {
    private static func resource(_ name: String) throws -> ResourceCase {
        try #require(ResourceCase.registered.first { $0.name == name })
    }

    @Test("the host of a tunnel is its owner's, in any case of letters, with any port and in any spelling of the name")
    func hosts() async throws {
        try await ResourceWorld.run(try Self.resource("nat")) { world in
            let mine = world.server
            let theirs = try await world.gateway.server(of: world.other.user?.id ?? 0, name: "b").id
            func create(_ domain: String, on server: Int64, as principal: Principal) async -> String? {
                let form: JSONObject = [
                    "name": "n", "server_id": .integer(server), "domain": .string(domain), "host": "127.0.0.1:1",
                ]
                return await world.call("nat.create", form, as: principal).failureText
            }
            #expect(await create("shop.example", on: mine, as: world.owner) == nil)
            #expect(await create("bücher.example", on: mine, as: world.owner) == nil)
            for domain in ["SHOP.example", "shop.example:8008", "Shop.Example.", "xn--bcher-kva.example"] {
                #expect(await create(domain, on: theirs, as: world.other) == "domain is in use by another user")
            }
            #expect(await create("SHOP.example:8008", on: mine, as: world.owner) == nil)
            #expect(await create("other.example", on: theirs, as: world.other) == nil)
            #expect(await create("", on: theirs, as: world.other) == nil)
        }
    }

    @Test("a rule set has so many conditions, and so many samples in all, and no more")
    func conditions() async throws {
        try await ResourceWorld.run(try Self.resource("alert_rule")) { world in
            func create(_ durations: [Int64]) async -> String? {
                let rules = durations.map { JSONValue.object(["type": "cpu", "max": 90, "duration": .integer($0)]) }
                return await world.call("alert_rule.create", ["name": "n", "rules": .array(rules)], as: world.owner)
                    .failureText
            }
            let (most, all) = (AlertRuleResource.maxConditions, AlertRuleResource.maxSamples)
            #expect(await create(Array(repeating: 3, count: most)) == nil)
            #expect(await create(Array(repeating: 3, count: most + 1)) == "rules may be 64 at most")
            #expect(await create([all - 3, 3]) == nil)
            #expect(await create([1 << 62]) == nil, "no window is longer than all")
            let text = "the durations of all rules may be 57600 samples together"
            #expect(await create([all - 3, 4]) == text)
            #expect(await create([1 << 62, 1 << 62, 3]) == text)
        }
    }
}
