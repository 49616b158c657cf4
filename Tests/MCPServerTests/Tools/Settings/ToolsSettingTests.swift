import Foundation
import JSON
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("Tools: settings and inventory")
struct ToolsSettingTests {
    private static let full: JSONObject = ["site_name": "Fleet", "language": "zh-CN", "user_template": "user-dist"]

    private static func administrator(_ gateway: TestGateway) async throws -> Principal {
        try await gateway.session(of: try await gateway.user("root", role: .administrator))
    }

    // MARK: setting.get

    @Test("each viewer sees what is meant for them")
    func viewers() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set {
            $0.installHost = "install.example:8008"
            $0.tls = true
            $0.dashboardHost = "dash.example"
            $0.ignoredIPNotification = "1, 2,x"
            $0.customCode = "<b>"
        }
        let admin = try await gateway.user("root", role: .administrator)
        let guest = try await gateway.call("setting.get", as: .guest, origin: .rest).get()
        #expect(guest.objectValue?.keys == ["config", "tsdb_enabled"])
        #expect(
            guest["config"]
                == [
                    "language": "en-US", "site_name": "Nezha Monitoring", "custom_code": "<b>",
                    "ip_change_notification_group_id": 0, "cover": 0,
                ])
        // A token is nobody here, whoever owns it.
        let token = try await gateway.call("setting.get", as: try await gateway.token(of: admin), origin: .rest).get()
        #expect(token == guest)

        let member = try await gateway.call(
            "setting.get", as: try await gateway.session(of: try await gateway.user("member")), origin: .rest
        ).get()
        #expect(member["config"]?["tls"] == true)
        #expect(member["config"]?["install_host"] == "install.example:8008")
        #expect(member["config"]?["dashboard_host"] == nil)
        #expect(member["version"] == nil)

        let all = try await gateway.call("setting.get", as: try await gateway.session(of: admin), origin: .rest).get()
        #expect(all["version"] == "9.9.9")
        #expect(all["config"]?["enable_mcp"] == true)
        #expect(all["config"]?["cover"] == 1)
        #expect(all["config"]?["ignored_ip_notification_server_ids"] == ["1": true, "2": true])
        #expect(all["frontend_templates"]?.arrayValue?.contains { $0["path"] == "user-dist" } == true)
    }

    // MARK: setting.update

    @Test("a form replaces everything but the switch")
    func replaces() async throws {
        let gateway = try await TestGateway()
        gateway.settings.set {
            $0.customCode = "old"
            $0.webRealIPHeader = "X-Old"
            $0.debug = true
        }
        let admin = try await Self.administrator(gateway)
        var form = Self.full
        form["dns_servers"] = "192.0.2.53:53"
        form["agent_real_ip_header"] = "NZ::Use-Peer-IP"
        form["cover"] = 2
        #expect(await gateway.call("setting.update", .object(form), as: admin, origin: .rest).outcome == .ok)
        let saved = gateway.settings.current
        #expect(saved.siteName == "Fleet")
        #expect(saved.language == "zh_CN")
        #expect(saved.dnsServers == "192.0.2.53:53")
        #expect(saved.customCode.isEmpty)
        #expect(saved.webRealIPHeader.isEmpty)
        #expect(saved.cover == 2)
        #expect(saved.agentRealIPHeader == "NZ::Use-Peer-IP")
        #expect(saved.enableMCP)
        #expect(saved.debug)
    }

    @Test("a form with nothing but the switch changes nothing else; an absent switch stays as it is")
    func switchOnly() async throws {
        let gateway = try await TestGateway(settings: GatewaySettings())
        gateway.settings.set { $0.customCode = "kept" }
        let admin = try await Self.administrator(gateway)
        for enabled in [true, false, true] {
            #expect(
                await gateway.call("setting.update", ["enable_mcp": .bool(enabled)], as: admin, origin: .rest).outcome
                    == .ok)
            #expect(gateway.settings.current.enableMCP == enabled)
            #expect(gateway.settings.current.customCode == "kept")
        }
        #expect(await gateway.call("setting.update", .object(Self.full), as: admin, origin: .rest).outcome == .ok)
        #expect(gateway.settings.current.enableMCP)
        #expect(gateway.settings.current.customCode.isEmpty)
    }

    @Test(
        "a form that breaks a rule changes nothing",
        arguments: [
            (#"{"site_name": "x"}"#, "invalid user template"),
            (#"{"user_template": "admin-dist"}"#, "invalid user template"),
            (#"{"user_template": "../etc"}"#, "invalid user template"),
            (#"{"user_template": "user-dist", "cover": 256}"#, "/cover"),
            (#"{"user_template": "user-dist", "language": "x"}"#, "/language"),
            (#"{"user_template": "user-dist", "language": "../../etc"}"#, "/language"),
            (#"{"user_template": "user-dist", "web_real_ip_header": "a b"}"#, "invalid real ip header"),
            (#"{"user_template": "user-dist", "agent_real_ip_header": "a\nb"}"#, "invalid real ip header"),
            (
                #"{"user_template": "user-dist", "ip_change_notification_group_id": 7}"#,
                "notification group id 7 does not exist"
            ),
            (#"{"enable_mcp": "yes"}"#, "/enable_mcp"),
            (#"{"enable_mcp": null}"#, "/enable_mcp"),
        ])
    func refusals(json: String, text: String) async throws {
        let gateway = try await TestGateway()
        let before = gateway.settings.current
        let admin = try await Self.administrator(gateway)
        let result = await gateway.call(
            "setting.update", try JSONParser.parse(Array(json.utf8)), as: admin, origin: .rest)
        #expect(result.failureText?.contains(text) == true, "\(result)")
        #expect(gateway.settings.current == before)
    }

    @Test("turning MCP off drops all transfer URLs; when it cannot be saved nothing happens at all")
    func killSwitch() async throws {
        let gateway = try await TestGateway()
        let admin = try await Self.administrator(gateway)
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id)
        let token = try await gateway.token(of: owner)
        func mint() async {
            _ = await gateway.call("fs.download_url", ["server_id": .integer(server.id), "path": "/a"], as: token)
        }
        await mint()
        #expect(gateway.transferURLs.count == 1)
        var form = Self.full
        form["enable_mcp"] = true
        #expect(await gateway.call("setting.update", .object(form), as: admin, origin: .rest).outcome == .ok)
        #expect(gateway.transferURLs.count == 1)
        #expect(await gateway.call("setting.update", ["enable_mcp": false], as: admin, origin: .rest).outcome == .ok)
        #expect(gateway.transferURLs.count == 0)

        _ = await gateway.call("setting.update", ["enable_mcp": true], as: admin, origin: .rest)
        await mint()
        gateway.settings.fail()
        let failed = await gateway.call("setting.update", ["enable_mcp": false], as: admin, origin: .rest)
        #expect(failed.failureText?.hasPrefix("settings not saved: ") == true)
        #expect(gateway.settings.current.enableMCP)
        #expect(gateway.transferURLs.count == 1)
    }

    @Test("what is installed may be named beside the official front ends: users' pages for users, until it is gone")
    func templates() async throws {
        let installed = Shelf()
        let gateway = try await TestGateway(templates: { installed.content })
        let admin = try await Self.administrator(gateway)
        func set(_ template: String) async -> String? {
            await gateway.call(
                "setting.update", ["site_name": "x", "user_template": .string(template)], as: admin, origin: .rest
            ).failureText
        }
        func listed() async throws -> JSONValue? {
            try await gateway.call("setting.get", as: admin, origin: .rest).get()["frontend_templates"]
        }
        let official: [JSONValue] = [
            ["path": "admin-dist", "name": "Admin", "is_admin": true, "is_official": true],
            ["path": "user-dist", "name": "User", "is_official": true],
        ]
        #expect(try await listed() == .array(official))
        #expect(await set("mine") == "invalid user template")
        installed.content = [
            FrontendTemplate(installed: "mine", isAdmin: false), FrontendTemplate(installed: "ours", isAdmin: true),
            FrontendTemplate(installed: "user-dist", isAdmin: false),
        ]
        #expect(
            try await listed()
                == .array(
                    official + [["path": "mine", "name": "mine"], ["path": "ours", "name": "ours", "is_admin": true]]))
        for wrong in ["ours", "MINE", "mine/", "../mine", ""] {
            #expect(await set(wrong) == "invalid user template", "\(wrong)")
        }
        #expect(await set("mine") == nil)
        installed.content = []
        // The form of the page sends back what is set.
        #expect(await set("mine") == nil)
        #expect(await set("user-dist") == nil)
        #expect(await set("mine") == "invalid user template")
    }

    private final class Shelf: Sendable {
        private let templates = Mutex<[FrontendTemplate]>([])
        var content: [FrontendTemplate] {
            get { templates.withLock { $0 } }
            set { templates.withLock { $0 = newValue } }
        }
    }

    // MARK: inventory.list

    @Test("the inventory shows servers in full; never reported ones with empty reports and the zero time")
    func inventory() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let server = try await gateway.server(of: owner.id, name: "plain")
        let orphan = try await gateway.server(of: 0, name: "orphan")
        var rich = try await gateway.server(of: owner.id, name: "rich", index: 3)
        rich.note = "private"
        rich.publicNote = "public"
        rich.hideForGuest = true
        rich.enableDDNS = true
        rich.ddnsProfiles = [4]
        rich.overrideDDNSDomains = [4: ["a.example"]]
        try await gateway.storage.servers.update(rich)
        try await gateway.identity.refresh()
        let session = try await gateway.session(of: owner)
        let list = try #require(
            try await gateway.call("inventory.list", as: session, origin: .rest).get().arrayValue)
        #expect(list.map { $0["name"] } == ["rich", "plain"])
        try #require(list[0]["note"] == "private")
        try #require(list[0]["public_note"] == "public")
        #expect(list[0]["hide_for_guest"] == true)
        try #require(list[0]["ddns_profiles"] == [4])
        #expect(list[0]["override_ddns_domains"] == ["4": ["a.example"]])
        let plain = list[1]
        #expect(
            plain.objectValue?.keys == [
                "id", "created_at", "updated_at", "name", "uuid", "owner", "display_index", "host", "state", "geoip",
                "last_active",
            ])
        #expect(plain["id"] == .integer(server.id))
        #expect(plain["owner"] == ["id": .integer(owner.id), "username": "owner"])
        #expect(plain["host"] == [:])
        #expect(plain["state"] == [:])
        #expect(plain["geoip"] == ["ip": [:]])
        #expect(plain["last_active"] == "0001-01-01T00:00:00Z")

        let admin = try await gateway.session(of: try await gateway.user("root", role: .administrator))
        let all = try await gateway.call("inventory.list", as: admin, origin: .rest).get().arrayValue
        #expect(all?.last?["id"] == .integer(orphan.id))
        #expect(all?.last?["owner"] == ["id": 0])
    }

    @Test(
        "Empty-set trap: ids select among what is visible, in the order asked for; where nothing matches it is all of that"
    )
    func selection() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        let first = try await gateway.server(of: owner.id).id
        let second = try await gateway.server(of: owner.id).id
        let foreign = try await gateway.server(of: try await gateway.user("other").id).id
        let session = try await gateway.session(of: owner)
        func ids(_ given: [Int64]) async throws -> [Int64?]? {
            let arguments: JSONValue = ["ids": .array(given.map { .integer($0) })]
            return try await gateway.call("inventory.list", arguments, as: session, origin: .rest).get().arrayValue?
                .map { $0["id"]?.int64Value }
        }
        #expect(try await ids([]) == [first, second])
        #expect(try await ids([second, first, foreign]) == [second, first])
        #expect(try await ids([second, foreign]) == [second])
        // Never what the caller may not see (`rest-details.md` 1).
        #expect(try await ids([foreign]) == [first, second])
        #expect(try await ids([0, -1, 999]) == [first, second])
        #expect(await gateway.call("inventory.list", as: .guest, origin: .rest).outcome == .unauthenticated)
    }
}
