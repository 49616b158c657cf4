import JSON
import Settings
import TestSupport
import Testing

@testable import MCPServer

@Suite("Names of tools: with dots or with underscores")
struct ToolNameTests {
    @Test("lists show dots, or underscores where the setting or the URL says so; the URL wins")
    func lists() async throws {
        let scene = try await MCPScene()
        let dotted = try await scene.names()
        #expect(dotted.contains("server.exec"))
        #expect(dotted.contains("fs.upload_url"))
        let underscored = dotted.map { $0.replacing(".", with: "_") }
        #expect(try await scene.names(query: "?names=underscore") == underscored)
        #expect(try await scene.names(query: "?x=1&names=dotted&names=underscore") == underscored)
        scene.gateway.settings.set { $0.mcpToolNames = "underscore" }
        #expect(try await scene.names() == underscored)
        #expect(try await scene.names(query: "?names=dotted") == dotted)
        let wrong = try await scene.post("tools/list", query: "?names=camel")
        #expect(wrong["error"]?["code"] == -32602)
        #expect(wrong["error"]?["message"]?.stringValue?.hasPrefix("names in the URL's query: ") == true)
    }

    @Test("texts that a model reads name tools as the list does")
    func texts() async throws {
        let scene = try await MCPScene()
        let listed = try await scene.post("tools/list", query: "?names=underscore").text
        let greeting = try await scene.post("initialize", query: "?names=underscore").text
        for dotted in try await scene.names() {
            #expect(!listed.contains(dotted), "\(dotted)")
            #expect(!greeting.contains(dotted), "\(dotted)")
        }
        #expect(listed.contains("fs_upload_url"))
        #expect(greeting.contains("meta_whoami"))
    }

    @Test("a call may spell the name either way, and no third way")
    func calls() async throws {
        let scene = try await MCPScene()
        let registry = scene.gateway.registry
        #expect(registry.exposedName("meta_whoami", toolsets: ["core"]) == "meta.whoami")
        #expect(registry.exposedName("fs_upload_url", toolsets: ["core"]) == "fs.upload_url")
        for name in ["fs.upload.url", "fs_upload.url", "session_create", "session.create", "fs_stat", "", "_"] {
            #expect(registry.exposedName(name, toolsets: ["core"]) == nil, "\(name)")
        }
        let result = try await scene.post("tools/call", ["name": "meta_whoami"])
        #expect(result["result"]?["structuredContent"]?["token_name"] == "ci")
    }

    @Test("two tools whose names differ in a dot only are a mistake at the start")
    func collision() async throws {
        await #expect(throws: ToolRegistryError.self) { try await TestGateway(extra: [NamedTool("meta_whoami")]) }
        _ = try await TestGateway(extra: [NamedTool("other_tool")])
    }

    @Test("no list shows a top-level additionalProperties: false; those below stay")
    func additionalProperties() async throws {
        let gateway = try await TestGateway()
        let tools = gateway.registry.exposed(toolsets: Toolset.allCases.map(\.rawValue))
        #expect(tools.allSatisfy { $0.listEntry["inputSchema"]?["additionalProperties"] == nil })
        let exec = try #require(tools.first { $0.definition.name == "server.exec" })
        #expect(exec.inputSchema["additionalProperties"] == false)
        let shown = exec.listEntry["inputSchema"]?["properties"]?["env"]
        #expect(shown?["additionalProperties"] != nil)
        #expect(shown == exec.inputSchema["properties"]?["env"])
    }
}

private struct NamedTool: Tool {
    let definition: ToolDefinition

    init(_ name: String) {
        definition = ToolDefinition(
            name: name, title: "Named", description: "Named", access: .open, exposure: .internal,
            inputSchema: SchemaSource(Array("{}".utf8)), outputSchema: SchemaSource(Array("{}".utf8)))
    }

    func run(_ input: NoInput, in call: ToolCall) async throws -> NoOutput { NoOutput() }
}
