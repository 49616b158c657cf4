import JSON
import Settings
import Storage
import Testing

@testable import MCPServer

@Suite("Tools: the catalogue and its schemas")
struct ToolsCatalogTests {
    private static let exposed = [
        "meta.whoami", "server.list", "server.get", "server.exec", "fs.list", "fs.read", "fs.write", "fs.delete",
        "fs.download_url", "fs.upload_url",
    ]
    private static let beyond: [(Toolset, [String])] = [
        (.metrics, ["server.metrics"]), (.audit, ["audit.list"]), (.fleet, ["server.exec_many"]),
        (.files, ["fs.stat"]), (.monitoring, resources.map { "\($0).list" }),
        (
            .monitoringWrite,
            resources.flatMap { resource in ["create", "update", "delete"].map { "\(resource).\($0)" } }
        ),
    ]
    /// What the engines look after; groups of servers are nobody's but the pages'.
    private static let resources = [
        "notification", "notification_group", "alert_rule", "cron", "ddns", "nat", "service",
    ]
    private static let everything = Toolset.allCases.map(\.rawValue)

    @Test("by default MCP shows the ten tools in this order, whoever asks; nothing else")
    func order() async throws {
        let gateway = try await TestGateway()
        let byDefault = GatewaySettings().mcpToolsets
        #expect(gateway.registry.exposed(toolsets: byDefault).map(\.definition.name) == Self.exposed)
        #expect(gateway.registry.exposed(toolsets: []).isEmpty)
        for definition in gateway.registry.definitions where !Self.exposed.contains(definition.name) {
            #expect(definition.exposure != .mcp(toolset: .core), "\(definition.name)")
            #expect(!gateway.registry.isExposed(definition.name, toolsets: byDefault))
        }
    }

    @Test("the other toolsets add their tools and nothing internal")
    func toolsets() async throws {
        let gateway = try await TestGateway()
        for (toolset, names) in Self.beyond {
            let exposed = gateway.registry.exposed(toolsets: [toolset.rawValue])
            #expect(exposed.map(\.definition.name) == names)
            for name in names { #expect(gateway.registry.isExposed(name, toolsets: [toolset.rawValue])) }
        }
        let all = Toolset.allCases.map(\.rawValue)
        for definition in gateway.registry.definitions where definition.exposure == .internal {
            #expect(!gateway.registry.isExposed(definition.name, toolsets: all))
        }
    }

    @Test("scopes of the ten are those of the seed")
    func scopes() async throws {
        let gateway = try await TestGateway()
        let found = gateway.registry.exposed(toolsets: ["core"]).map(\.definition.access)
        let expected: [[Scope]] = [
            [], [.inventoryRead], [.serverRead], [.serverExec], [.serverRead], [.serverRead], [.serverWrite],
            [.serverDelete], [.serverRead], [.serverWrite],
        ]
        #expect(found == expected.map { .user($0) })
    }

    @Test("every exposed tool has title, description, annotations and object schemas whose members are described")
    func documented() async throws {
        let gateway = try await TestGateway()
        for tool in gateway.registry.exposed(toolsets: Self.everything) {
            let definition = tool.definition
            #expect(!definition.title.isEmpty, "\(definition.name)")
            #expect(definition.description.count > 60, "\(definition.name)")
            #expect(definition.annotations.readOnly != nil)
            #expect(definition.annotations.openWorld != nil)
            for schema in [tool.inputSchema, tool.outputSchema] {
                #expect(schema["type"] == "object", "\(definition.name)")
                #expect(schema["$schema"] == nil, "\(definition.name)")
            }
        }
        for definition in gateway.registry.definitions {
            for source in [definition.inputSchema, definition.outputSchema] {
                Self.checkDescriptions(try source.document(), definition.name)
            }
        }
    }

    @Test(
        "the hints of the tools beside the ten",
        arguments: [
            ("server.metrics", ["readOnlyHint": true, "openWorldHint": false]),
            ("audit.list", ["readOnlyHint": true, "openWorldHint": false]),
            ("fs.stat", ["readOnlyHint": true, "openWorldHint": false]),
            ("cron.list", ["readOnlyHint": true, "openWorldHint": false]),
            (
                "cron.create",
                ["readOnlyHint": false, "destructiveHint": false, "idempotentHint": false, "openWorldHint": true]
            ),
            (
                "cron.update",
                ["readOnlyHint": false, "destructiveHint": true, "idempotentHint": true, "openWorldHint": true]
            ),
            (
                "cron.delete",
                ["readOnlyHint": false, "destructiveHint": true, "idempotentHint": true, "openWorldHint": false]
            ),
            (
                "server.exec_many",
                ["readOnlyHint": false, "destructiveHint": true, "idempotentHint": false, "openWorldHint": true]
            ),
        ] as [(String, [String: JSONValue])])
    func hints(name: String, expected: [String: JSONValue]) async throws {
        let gateway = try await TestGateway()
        let tools = gateway.registry.exposed(toolsets: Self.everything)
        let tool = try #require(tools.first { $0.definition.name == name })
        var annotations = try #require(tool.listEntry["annotations"]?.objectValue)
        #expect(annotations["title"] == .string(tool.definition.title))
        annotations["title"] = nil
        #expect(Dictionary(uniqueKeysWithValues: annotations.map { ($0.key, $0.value) }) == expected)
    }

    private static func checkDescriptions(_ schema: JSONValue, _ place: String) {
        for (name, member) in schema["properties"]?.objectValue ?? [:] {
            #expect(member["description"]?.stringValue?.isEmpty == false, "\(place)/\(name)")
            checkDescriptions(member, "\(place)/\(name)")
        }
        if let items = schema["items"] { checkDescriptions(items, place + "/items") }
    }

    @Test("bounds that the contract names are in the schemas")
    func bounds() async throws {
        let gateway = try await TestGateway()
        for tool in gateway.registry.exposed(toolsets: Self.everything) where tool.definition.target != .none {
            let properties = tool.inputSchema["properties"]
            #expect(properties?["server_id"]?["minimum"] == 1, "\(tool.definition.name)")
            #expect(tool.inputSchema["required"]?.arrayValue?.contains("server_id") == true)
            if let path = properties?["path"] {
                #expect(path["maxLength"] == 4096, "\(tool.definition.name)")
                #expect(path["minLength"] == 1, "\(tool.definition.name)")
            }
        }
    }

    @Test("input schemas of MCP tools say that there are no other members; output schemas leave room for later ones")
    func closed() async throws {
        let gateway = try await TestGateway()
        let tools = gateway.registry.exposed(toolsets: Self.everything)
        #expect(tools.count == 14 + Self.resources.count * 4)
        for tool in tools {
            #expect(tool.inputSchema["additionalProperties"] == false, "\(tool.definition.name)")
            #expect(tool.outputSchema["additionalProperties"] == nil, "\(tool.definition.name)")
        }
    }

    @Test("the ten and REST ignore members that they do not know; other tools name them")
    func unknownMembers() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        gateway.network.attach(
            server.id, json: #"{"exit_code":0,"stdout":"","stderr":"","duration_ms":1,"entries":[]}"#)
        let token = try await gateway.token(of: owner)
        let id = JSONValue.integer(server.id)
        let exec: JSONValue = ["server_id": id, "cmd": "true", "surprise": [1]]
        #expect(await gateway.call("server.exec", exec, as: token).outcome == .ok)
        #expect(gateway.network.sent.first?.body == #"{"cmd":"true"}"#)
        #expect(await gateway.call("meta.whoami", ["surprise": 1], as: token).outcome == .ok)
        #expect(await gateway.call("inventory.list", ["surprise": 1], as: token, origin: .rest).outcome == .ok)
        // What it knows is checked all the same.
        let wrong = await gateway.call("server.exec", ["server_id": id, "cmd": "", "surprise": 1], as: token)
        #expect(wrong.failureText == "cmd required")
        for (tool, arguments, pointer) in [
            ("server.exec_many", ["server_ids": [id], "cmd": "true", "concurency": 2], "/concurency"),
            ("server.metrics", ["server_id": id, "surprise": 1], "/surprise"),
            ("audit.list", ["surprise": 1], "/surprise"),
            ("fs.stat", ["server_id": id, "path": "/", "surprise": .null], "/surprise"),
            ("cron.list", ["surprise": 1], "/surprise"),
            ("nat.create", ["name": "n", "surprise": 1], "/surprise"),
        ] as [(String, JSONValue, String)] {
            let text = await gateway.call(tool, arguments, as: token).failureText
            #expect(text == "invalid arguments: \(pointer): is not a known property")
        }
        #expect(await gateway.call("cron.list", ["surprise": 1], as: token, origin: .rest).outcome == .ok)
    }

    @Test("examples in input schemas obey their own schema")
    func examples() async throws {
        let gateway = try await TestGateway()
        for definition in gateway.registry.definitions {
            let schema = try JSONParser.parse(definition.inputSchema.bytes)
            for (name, member) in schema["properties"]?.objectValue ?? [:] {
                let compiled = try JSONSchema(member)
                for example in (member["examples"]?.arrayValue ?? []) + [member["default"]].compactMap({ $0 }) {
                    #expect(compiled.firstViolation(in: example) == nil, "\(definition.name)/\(name): \(example.text)")
                }
            }
        }
    }

    @Test("a deadline is longer than what the tool itself waits, so that the better text wins")
    func deadlines() async throws {
        let gateway = try await TestGateway()
        for definition in gateway.registry.definitions {
            let least: Duration = definition.name == "server.exec" ? .seconds(306) : .seconds(30)
            #expect(definition.deadline >= least, "\(definition.name)")
        }
    }
}
