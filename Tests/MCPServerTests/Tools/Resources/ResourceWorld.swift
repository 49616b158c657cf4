import JSON
import Settings
import Storage
import Testing

@testable import MCPServer

/// What a test must know of a resource to try the common rules on it.
struct ResourceCase: Sendable, CustomTestStringConvertible {
    var name: String
    /// A form that is good for whoever owns the server of this id; a name is put into it.
    var form: @Sendable (_ server: Int64) -> JSONObject
    /// Whether the form is about the server, so that a token's list decides.
    var namesServers = true
    /// One that the program does not have.
    var own: (any Resource)?
    var forms: [any Form.Type] = Forms.all

    var testDescription: String { name }

    static let registered: [ResourceCase] = [
        ResourceCase(name: "server_group", form: { ["servers": [.integer($0)]] }),
        ResourceCase(
            name: "notification", form: { _ in ["url": "https://hook.example", "skip_check": true] },
            namesServers: false),
        ResourceCase(name: "notification_group", form: { _ in [:] }, namesServers: false),
        ResourceCase(
            name: "alert_rule",
            form: { server in
                [
                    "rules": [
                        ["type": "cpu", "max": 90, "duration": 3, "cover": 1, "ignore": .object(["\(server)": true])]
                    ]
                ]
            }),
        ResourceCase(name: "cron", form: { ["scheduler": "@daily", "servers": [.integer($0)]] }),
        ResourceCase(name: "ddns", form: { _ in ["max_retries": 1, "provider": "dummy"] }, namesServers: false),
        ResourceCase(name: "nat", form: { ["server_id": .integer($0)] }),
        ResourceCase(
            name: "service", form: { ["type": 3, "cover": 1, "skip_servers": .object(["\($0)": true])] }),
    ]

    /// Those of the program, and one that only the tests have.
    static let all =
        registered + [
            ResourceCase(
                name: "note", form: { ["text": "t", "servers": [.integer($0)]] }, own: NoteResource(),
                forms: Forms.all + [NoteForm.self])
        ]

    func definition(_ gateway: TestGateway) throws -> ResourceDefinition {
        let kinds = allResources(gateway.services) + (own.map { [$0] } ?? [])
        return try #require(kinds.first { $0.definition.name == name }).definition
    }
}

/// A gateway with two members who have a server each, and an administrator.
struct ResourceWorld {
    let gateway: TestGateway
    let owner: Principal
    let ownerRecord: UserRecord
    let other: Principal
    let admin: Principal
    let server: Int64
    let second: Int64

    static func run(
        _ resource: ResourceCase, _ body: @Sendable (ResourceWorld) async throws -> Void
    ) async throws {
        let own = resource.own.map { [$0] } ?? []
        try await TestGateway.running(forms: resource.forms, resources: own) { gateway in
            let owner = try await gateway.user("owner")
            let other = try await gateway.user("other")
            let admin = try await gateway.user("admin", role: .administrator)
            let server = try await gateway.server(of: owner.id, name: "one")
            let second = try await gateway.server(of: owner.id, name: "two")
            let world = ResourceWorld(
                gateway: gateway, owner: try await gateway.session(of: owner), ownerRecord: owner,
                other: try await gateway.session(of: other), admin: try await gateway.session(of: admin),
                server: server.id, second: second.id)
            try await body(world)
        }
    }

    func call(
        _ tool: String, _ arguments: JSONObject = [:], as principal: Principal
    ) async -> Result<JSONValue, ToolFailure> {
        await gateway.call(tool, .object(arguments), as: principal, origin: .rest)
    }

    func create(_ resource: ResourceCase, _ name: String, as principal: Principal) async throws -> Int64 {
        var form = resource.form(server)
        form["name"] = .string(name)
        let made = try await call("\(resource.name).create", form, as: principal).get()
        return try #require(made["id"]?.int64Value)
    }

    /// The ids and names of what a list shows.
    func list(_ resource: ResourceCase, ids: [Int64]? = nil, as principal: Principal) async throws -> [String] {
        let arguments: JSONObject = ids.map { ["ids": .array($0.map { .integer($0) })] } ?? [:]
        let found = try await call("\(resource.name).list", arguments, as: principal).get()
        return try #require(found.arrayValue).map { row in
            let row = row["group"] ?? row
            return "\(row["id"]?.int64Value ?? 0) \(row["name"]?.stringValue ?? "-")"
        }
    }

    func delete(_ resource: ResourceCase, _ ids: [Int64], as principal: Principal) async -> Result<
        JSONValue, ToolFailure
    > {
        await call("\(resource.name).delete", ["ids": .array(ids.map { .integer($0) })], as: principal)
    }
}
