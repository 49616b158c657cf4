import AgentLink
import HTTP
import JSON
import Storage
import Testing

@testable import MCPServer

@Suite("Lists of records: made, checked and written once for each version")
struct RecordListTests {
    private static let schema: JSONValue = [
        "type": "array", "description": "Numbers.",
        "items": ["type": "object", "properties": ["n": ["type": "integer", "maximum": 9]], "required": ["n"]],
    ]

    private static func list(_ versions: [UInt64?], _ values: [Int64]) -> RecordList {
        let entries = versions.enumerated().map { place, version in
            RecordList.Entry(
                id: Int64(place + 1), version: version.map { RecordList.Version(stored: 1, reported: $0) })
        }
        return RecordList(entries) { places in places.map { ["n": values[$0]] } }
    }

    private static func texts(_ pieces: [[UInt8]]) -> [String] { pieces.map { String(decoding: $0, as: UTF8.self) } }

    @Test("what has its version of before is not made again; what has another one, or none, is")
    func versions() async throws {
        let pieces = try RecordPieces(Self.schema)
        #expect(
            Self.texts(try await pieces.written(Self.list([1, 1, nil], [1, 2, 3]))) == [
                #"{"n":1}"#, #"{"n":2}"#, #"{"n":3}"#,
            ])
        #expect(
            Self.texts(try await pieces.written(Self.list([1, 2, nil], [4, 5, 6]))) == [
                #"{"n":1}"#, #"{"n":5}"#, #"{"n":6}"#,
            ])
    }

    @Test("a record that breaks the schema fails the call, and is not kept; nor are those that were made with it")
    func broken() async throws {
        let pieces = try RecordPieces(Self.schema)
        for _ in 0..<2 {
            let failure = await #expect(throws: ToolFailure.self) {
                try await pieces.written(Self.list([1, 1], [1, 10]))
            }
            guard case .internalError("record 2 breaks its schema: /n: must be <= 9")? = failure else {
                Issue.record("\(String(describing: failure))")
                continue
            }
        }
        #expect(Self.texts(try await pieces.written(Self.list([1, 1], [2, 3]))) == [#"{"n":2}"#, #"{"n":3}"#])
    }

    @Test("no more is kept than there is room for")
    func bounded() async throws {
        for (capacity, kept) in [(14, "1"), (13, "2")] {
            let pieces = try RecordPieces(Self.schema, capacity: capacity)
            _ = try await pieces.written(Self.list([1, 1], [1, 1]))
            let again = Self.texts(try await pieces.written(Self.list([1, 1], [2, 2])))
            #expect(again == [#"{"n":\#(kept)}"#, #"{"n":\#(kept)}"#])
        }
    }

    @Test("a schema that says more of the list than of its elements is refused at the start")
    func unfit() {
        #expect(throws: RecordPieces.UnfitSchema.self) {
            try RecordPieces(["type": "array", "items": true, "uniqueItems": true])
        }
        #expect(throws: RecordPieces.UnfitSchema.self) { try RecordPieces(["type": "object"]) }
    }

    @Test("the servers are written as if each were made now: after a report, a change and for another viewer")
    func inventory() async throws {
        let gateway = try await TestGateway()
        let owner = try await gateway.user("owner")
        var first = try await gateway.server(of: owner.id, name: "first")
        let second = try await gateway.server(of: owner.id, name: "second")
        let viewers = [
            try await gateway.session(of: owner),
            try await gateway.session(of: try await gateway.user("root", role: .administrator)),
            try await gateway.token(of: owner, servers: [second.id]),
        ]
        func check(_ comment: Comment) async throws {
            for viewer in viewers {
                let call = ToolCall(
                    principal: try #require(try await gateway.identity.reload(viewer, now: gateway.now)),
                    origin: .rest, requestID: "r", client: .init(peer: "127.0.0.1", real: nil), userAgent: "",
                    baseURL: "")
                let result = try await gateway.registry.result(of: "inventory.list", arguments: [:], call: call).get()
                guard case .records(let records) = result else {
                    Issue.record("no records")
                    return
                }
                let tool = InventoryListTool(gateway.services)
                let anew = try await RecordPieces(tool.definition.outputSchema.document())
                    .written(try await tool.run(.init(), in: call))
                #expect(Self.texts(records) == Self.texts(anew), comment)
            }
        }
        try await check("at first")
        var state = HostState()
        for cpu in [1.5, 2.25] {
            state.cpu = cpu
            gateway.network.report(
                first.id, AgentPresence(host: HostInfo(platform: "debian"), state: state, lastActive: gateway.now))
            try await check("after a report")
        }
        first.name = "renamed \u{1F600} \"quoted\""
        try await gateway.storage.servers.update(first)
        try await gateway.identity.refresh()
        try await check("after a change")
    }
}
