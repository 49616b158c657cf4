import JSON
import Settings
import Storage
import Testing

@testable import MCPServer

/// What is told of the lists and changes of stored resources over `POST /mcp`; the histories have a test end to end.
@Suite("MCP: the toolsets monitoring and monitoring-write")
struct MonitoringToolsetTests {
    private static func settings(_ toolsets: String...) -> GatewaySettings {
        var settings = GatewaySettings.enabled
        settings.mcpToolsets = toolsets
        return settings
    }

    private static func unknown(_ tool: String) -> JSONValue {
        ["code": -32601, "message": .string("unknown tool: \(tool)")]
    }

    @Test("neither is there by default, and monitoring changes nothing")
    func exposure() async throws {
        let plain = try await MCPScene(scopes: ["nezha:cron:*"])
        #expect(try await plain.names().count == 10)
        #expect(try await plain.call("cron.list")["error"] == Self.unknown("cron.list"))

        let reading = try await MCPScene(Self.settings("core", "monitoring"), scopes: ["nezha:cron:*"])
        let names = try await reading.names()
        #expect(names.count == 17)
        #expect(names.contains("service.list"))
        #expect(try await reading.call("cron.delete", ["ids": [1]])["error"] == Self.unknown("cron.delete"))
        let writing = try await MCPScene(Self.settings("monitoring-write"), scopes: ["nezha:cron:*"])
        #expect(try await writing.call("cron.list")["error"] == Self.unknown("cron.list"))
        #expect(try await writing.call("server_group.create")["error"] == Self.unknown("server_group.create"))
    }

    @Test("what is made by one tool is listed by the other, as an object that the shown schema describes")
    func listing() async throws {
        let scene = try await MCPScene(Self.settings("monitoring", "monitoring-write"), scopes: ["nezha:cron:*"])
        let made = try await scene.call("cron.create", ["name": "nightly", "scheduler": "@daily"])
        #expect(made["result"]?["structuredContent"] == ["id": 1])
        let listed = try #require(try await scene.call("cron.list")["result"])
        let content = try #require(listed["structuredContent"])
        #expect(content["items"]?.arrayValue?.map { $0["name"] } == ["nightly"])
        #expect(listed["content"]?.arrayValue?.first?["text"]?.stringValue == content.text)

        for (origin, count) in [(ToolCall.Origin.mcp, 0), (.rest, 1)] {
            let others = await scene.gateway.call(
                "cron.list", ["ids": [9]], as: try await scene.gateway.token(of: scene.owner), origin: origin)
            #expect(try others.get().arrayValue?.count == count)
        }

        let tools = try await scene.tools()
        let shown = try #require(tools.first { $0["name"] == "cron.list" })
        #expect(try JSONSchema(try #require(shown["outputSchema"])).isValid(content))
        #expect(shown["_meta"] == .object([MCPProtocol.Meta.requiredScope: "nezha:cron:read"]))
        for tool in tools { #expect(tool["outputSchema"]?["type"] == "object") }

        let misspelt = try await scene.call("cron.update", ["id": 1, "name": "n", "scheduller": "@daily"])
        #expect(
            misspelt["result"]?["content"]?.arrayValue?.first?["text"]
                == "invalid arguments: /scheduller: is not a known property")
        #expect(try await scene.call("cron.delete", ["ids": [1]])["result"]?["structuredContent"] == [:])
        #expect(try await scene.call("cron.list")["result"]?["structuredContent"] == ["items": []])
    }

    @Test("scopes and lists of servers decide as over REST")
    func rights() async throws {
        let settings = Self.settings("monitoring", "monitoring-write")
        let reader = try await MCPScene(settings, scopes: ["nezha:cron:read"])
        #expect(try await reader.call("cron.list")["result"]?["structuredContent"] == ["items": []])
        for (tool, arguments) in [
            ("cron.create", ["scheduler": "@daily"]), ("cron.delete", ["ids": []]), ("service.list", [:]),
        ] as [(String, JSONValue)] {
            #expect(try await reader.call(tool, arguments)["result"]?["isError"] == true, "\(tool)")
        }

        let narrow = try await MCPScene(settings, scopes: ["nezha:cron:*"], servers: 2, listing: { [$0[0]] })
        let ids = narrow.gateway.identity.servers.map(\.id).sorted()
        func create(_ servers: [Int64]) -> JSONValue {
            ["scheduler": "@daily", "servers": .array(servers.map { .integer($0) })]
        }
        #expect(try await narrow.call("cron.create", create([ids[0]]))["result"]?["isError"] == nil)
        #expect(try await narrow.call("cron.create", create(ids))["result"]?["isError"] == true)
        // One that its owner made elsewhere, about both.
        var form = CronForm()
        form.servers = ids
        let wide = try await narrow.gateway.storage.rows(of: CronForm.self).insert(
            form, owner: narrow.owner.id, at: narrow.gateway.now)
        let listed = try await narrow.call("cron.list")["result"]?["structuredContent"]?["items"]?.arrayValue
        #expect(listed?.map { $0["id"] } == [1])
        #expect(try await narrow.call("cron.delete", ["ids": [.integer(wide.id)]])["result"]?["isError"] == true)
    }
}
