import AgentLink
import Foundation
import HTTP
import JSON
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("Progress: one response as an event stream")
struct EventStreamTests {
    private struct Gone: Error {}

    /// An owner's server, the secret of their token, and the endpoint.
    private struct Scene: Sendable {
        let gateway: TestGateway
        let server: Int64
        let secret: String
        let endpoint: MCPEndpoint

        init(_ gateway: TestGateway) async throws {
            self.gateway = gateway
            gateway.settings.set { $0.mcpToolsets = ["core", "fleet"] }
            let owner = try await gateway.user("owner")
            server = try await gateway.server(of: owner.id).id
            secret = try await gateway.issuer.issue(
                TokenIssuer.Request(name: "ci", scopes: ["nezha:server:*"]), for: UserIdentity(owner)
            ).secret
            try await gateway.identity.refresh()
            endpoint = gateway.endpoint()
        }

        func post(
            _ tool: String, _ arguments: JSONObject = [:], meta: JSONObject = ["progressToken": "p"],
            accept: String? = "application/json, text/event-stream", fields: HTTPFields = [:],
            at other: MCPEndpoint? = nil
        ) async -> OutboundResponse {
            var arguments = arguments
            if tool != "server.exec_many" { arguments["server_id"] = .integer(server) }
            arguments["cmd"] = "sleep"
            let message: JSONValue = [
                "jsonrpc": "2.0", "id": "call-1", "method": "tools/call",
                "params": ["name": .string(tool), "arguments": .object(arguments), "_meta": .object(meta)],
            ]
            var fields = fields
            fields[.authorization] = "Bearer \(secret)"
            fields[.accept] = accept
            let body = Mutex<[UInt8]?>(message.serialized())
            let head = HTTPRequest(
                method: .post, scheme: "http", authority: "gateway.test", path: "/mcp", headerFields: fields)
            return await (other ?? endpoint).handle(
                InboundRequest(
                    head: head, id: "r-1", client: ClientAddress(peer: nil, real: nil), isSecure: false,
                    body: RequestBody { body.withLock { $0.take() } }))
        }

        /// An agent that answers after so long.
        func attach(after delay: Duration) {
            gateway.network.attach(server) { _, _ in
                try await Task.sleep(for: delay)
                return Self.reply
            }
        }

        static let reply = AgentTaskReply(
            data: #"{"exit_code":0,"stdout":"a\nb","stderr":"","duration_ms":3}"#, successful: true)
    }

    /// The stream's text, split into events; comments are events of their own.
    private func collect(_ response: OutboundResponse) async throws -> [String] {
        guard case .stream(nil, let produce) = response.body else {
            Issue.record("no stream: \(response.head.status)")
            return []
        }
        let written = Mutex<[UInt8]>([])
        try await produce { bytes in written.withLock { $0 += bytes } }
        let text = written.withLock { String(decoding: $0, as: UTF8.self) }
        #expect(text.hasSuffix("\n\n"))
        return text.components(separatedBy: "\n\n").dropLast()
    }

    private func message(_ event: String) throws -> JSONValue {
        let prefix = "event: message\ndata: "
        #expect(event.hasPrefix(prefix))
        #expect(!event.dropFirst(prefix.count).contains("\n"))
        return try JSONParser.parse(Array(event.dropFirst(prefix.count).utf8))
    }

    @Test("server.exec tells the seconds that have passed, then the response ends the stream")
    func exec() async throws {
        let scene = try await Scene(try await TestGateway())
        scene.attach(after: .milliseconds(2500))
        let response = await scene.post("server.exec")
        #expect(response.head.status == .ok)
        #expect(response.head.headerFields[.contentType] == "text/event-stream")
        #expect(response.head.headerFields[.cacheControl] == "no-cache")
        #expect(response.head.headerFields[.xAccelBuffering] == "no")
        #expect(scene.gateway.network.sent.isEmpty)
        let events = try await collect(response).filter { !$0.hasPrefix(":") }
        #expect(
            try message(events[0]) == [
                "jsonrpc": "2.0", "method": "notifications/progress",
                "params": ["progressToken": "p", "progress": 1],
            ])
        let steps = try events.dropLast().map { try message($0)["params"]?["progress"]?.int64Value }
        // Two of them, or more on a crowded machine.
        #expect(steps.count >= 1)
        #expect(steps == (1...Int64(max(steps.count, 1))).map { $0 })
        let last = try message(try #require(events.last))
        #expect(last["id"] == "call-1")
        #expect(last["result"]?["structuredContent"]?["stdout"] == "a\nb")
        #expect(last["result"]?["resultType"] == nil)
    }

    @Test("server.exec_many tells the finished servers of all; the token goes back as it came")
    func execMany() async throws {
        let scene = try await Scene(try await TestGateway())
        scene.attach(after: .zero)
        let ids: JSONValue = [.integer(scene.server), 98, 99]
        let response = await scene.post("server.exec_many", ["server_ids": ids], meta: ["progressToken": 7])
        let events = try await collect(response).filter { !$0.hasPrefix(":") }
        let params = try events.dropLast().map { try #require(try message($0)["params"]) }
        #expect(params.map { $0["progress"] } == [1, 2, 3])
        #expect(params.allSatisfy { $0["total"] == 3 && $0["progressToken"] == 7 })
        let last = try message(try #require(events.last))
        #expect(last["result"]?["structuredContent"]?["succeeded"] == 1)
    }

    @Test("the stateless era streams as well, with its own members in the result")
    func stateless() async throws {
        let scene = try await Scene(try await TestGateway())
        scene.attach(after: .zero)
        let version = try #require(MCPProtocol.statelessVersions.first)
        let response = await scene.post(
            "server.exec",
            meta: [
                "progressToken": "p", MCPProtocol.Meta.protocolVersion: .string(version),
                MCPProtocol.Meta.clientCapabilities: [:],
            ],
            fields: [.mcpProtocolVersion: version, .mcpMethod: "tools/call", .mcpName: "server.exec"])
        let last = try message(try #require(try await collect(response).last))
        #expect(last["result"]?["resultType"] == "complete")
        #expect(last["result"]?["structuredContent"] != nil)
    }

    @Test("a token of 1 KiB is taken, a longer one is none", arguments: [(1024, true), (1025, false)])
    func longToken(count: Int, isTaken: Bool) throws {
        let token = JSONValue.string(String(repeating: "a", count: count))
        let request = JSONRPCRequest(
            id: .null, method: "tools/call", params: ["_meta": .object(["progressToken": token])])
        #expect((request.progressToken != nil) == isTaken)
    }

    @Test(
        "plain JSON without a token, with one of a wrong type, and where event streams are not accepted",
        arguments: [
            ([:], "text/event-stream"), (["progressToken": nil], "text/event-stream"),
            (["progressToken": true], "text/event-stream"), (["progressToken": 1.5], "text/event-stream"),
            (["progressToken": .string(String(repeating: "a", count: 1025))], "text/event-stream"),
            (["progressToken": "p"], "application/json"), (["progressToken": "p"], "*/*"),
            (["progressToken": "p"], "text/event-stream;q=0, application/json"), (["progressToken": "p"], nil),
        ] as [(JSONObject, String?)])
    func plain(meta: JSONObject, accept: String?) async throws {
        let scene = try await Scene(try await TestGateway())
        scene.attach(after: .zero)
        let response = await scene.post("server.exec", meta: meta, accept: accept)
        #expect(response.head.headerFields[.contentType] == "application/json; charset=utf-8")
        guard case .bytes(let bytes) = response.body else { throw Gone() }
        #expect(try JSONParser.parse(bytes)["result"]?["structuredContent"]?["exit_code"] == 0)
    }

    @Test(
        "Accept is read without regard to case and blanks; a weight of 0 says no",
        arguments: [
            ("text/event-stream", true), ("Text/Event-Stream ; Q = 0.5", true), ("a/b,\ttext/event-stream;q=1", true),
            ("text/event-stream;q=0.000", false), ("text/event-stream;v=1; q = 0", false),
            ("text/event-stream2", false), ("xtext/event-stream", false), ("text/*", false), (";,;", false),
            ("", false),
        ])
    func acceptance(accept: String, isAccepted: Bool) {
        #expect(HTTPFields([HTTPField(name: .accept, value: accept)]).acceptsEventStream == isAccepted)
    }

    @Test("tools without progress and refusals before the call answer plainly")
    func others() async throws {
        let scene = try await Scene(try await TestGateway())
        for tool in ["meta.whoami", "no.tool"] {
            guard case .bytes = await scene.post(tool).body else { throw Gone() }
        }
        scene.gateway.settings.set { $0.mcpRateLimitPerMinute = 1 }
        _ = await scene.post("meta.whoami")
        guard case .bytes = await scene.post("server.exec").body else { throw Gone() }
        #expect(scene.gateway.network.sent.isEmpty)
    }

    @Test("a refused call is a tool error in the stream, with its audit row")
    func refused() async throws {
        try await TestGateway.running { gateway in
            let scene = try await Scene(gateway)
            let response = await scene.post("server.exec", ["timeout_seconds": 301])
            let last = try message(try #require(try await collect(response).last))
            #expect(last["result"]?["isError"] == true)
            #expect(try await gateway.auditRows().map(\.outcome) == ["invalid_args"])
        }
    }

    @Test("a client that has left before the stream begins causes no call")
    func goneBefore() async throws {
        let scene = try await Scene(try await TestGateway())
        scene.attach(after: .zero)
        guard case .stream(_, let produce) = await scene.post("server.exec").body else { throw Gone() }
        await #expect(throws: Gone.self) { try await produce { _ in throw Gone() } }
        #expect(scene.gateway.network.sent.isEmpty)
        #expect(scene.gateway.live.count == 0)
    }

    @Test("a client that leaves during the call ends it: its write fails, or its task is cancelled")
    func goneDuring() async throws {
        try await TestGateway.running { gateway in
            let scene = try await Scene(gateway)
            gateway.network.attachSilent(scene.server)
            guard case .stream(_, let produce) = await scene.post("server.exec").body else { throw Gone() }
            let writes = Mutex(0)
            await #expect(throws: Gone.self) {
                try await produce { _ in
                    let count = writes.withLock { count in
                        count += 1
                        return count
                    }
                    if count > 1 { throw Gone() }
                }
            }
            #expect(gateway.network.cancelled == 1)
            guard case .stream(_, let second) = await scene.post("server.exec").body else { throw Gone() }
            let reading = Task { try await second { _ in } }
            #expect(await eventually { gateway.network.sent.count == 2 })
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            #expect(gateway.network.cancelled == 2)
            #expect(gateway.live.count == 0)
            #expect(try await gateway.auditRows().map(\.outcome) == ["cancelled", "cancelled"])
        }
    }

    @Test("the kill switch ends the stream with the failure as its last event")
    func killSwitch() async throws {
        let scene = try await Scene(try await TestGateway())
        scene.gateway.network.attachSilent(scene.server)
        let response = await scene.post("server.exec")
        let reading = Task { try await collect(response) }
        #expect(await eventually { scene.gateway.network.sent.count == 1 })
        scene.gateway.live.throwKillSwitch()
        let last = try message(try #require(try await reading.value.last))
        #expect(last["result"]?["isError"] == true)
        #expect(last["result"]?["_meta"]?["nezha-gateway/errorCode"] == "mcp_disabled")
    }

    @Test("a call that takes longer than clients wait becomes a stream; a shorter one is plain JSON")
    func late() async throws {
        let scene = try await Scene(try await TestGateway())
        let isReleased = Mutex(false)
        scene.gateway.network.attach(scene.server) { _, _ in
            while !isReleased.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
            return Scene.reply
        }
        let late = await scene.post("server.exec", meta: [:], at: scene.gateway.endpoint(patience: .milliseconds(50)))
        isReleased.withLock { $0 = true }
        let events = try await collect(late)
        #expect(events.first == ": ")
        #expect(late.head.headerFields[.xAccelBuffering] == "no")
        #expect(try message(try #require(events.last))["result"]?["structuredContent"]?["exit_code"] == 0)

        let early = await scene.post("server.exec", meta: [:], at: scene.gateway.endpoint(patience: .seconds(60)))
        guard case .bytes(let bytes) = early.body else { throw Gone() }
        #expect(try JSONParser.parse(bytes)["result"]?["structuredContent"]?["exit_code"] == 0)
    }

    @Test("who leaves while a call is late ends it: before it is a stream, at its first byte, and later")
    func lateAndGone() async throws {
        try await TestGateway.running { gateway in
            let scene = try await Scene(gateway)
            gateway.network.attachSilent(scene.server)
            let asking = Task { await scene.post("server.exec", meta: [:]) }
            #expect(await eventually { gateway.network.sent.count == 1 })
            asking.cancel()
            _ = await asking.value
            #expect(gateway.network.cancelled == 1)

            let endpoint = gateway.endpoint(patience: .milliseconds(20))
            guard case .stream(_, let first) = await scene.post("server.exec", meta: [:], at: endpoint).body else {
                throw Gone()
            }
            // It is with the agent now.
            #expect(await eventually { gateway.network.sent.count == 2 })
            await #expect(throws: Gone.self) { try await first { _ in throw Gone() } }
            #expect(await eventually { gateway.network.cancelled == 2 })

            guard case .stream(_, let second) = await scene.post("server.exec", meta: [:], at: endpoint).body else {
                throw Gone()
            }
            let reading = Task { try await second { _ in } }
            #expect(await eventually { gateway.network.sent.count == 3 })
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            #expect(gateway.network.cancelled == 3)
        }
    }

    @Test("a call that its client cancels gets no result before 2026-07-28: 202, or a stream that just ends")
    func cancelled() async throws {
        let scene = try await Scene(try await TestGateway())
        scene.gateway.network.attachSilent(scene.server)
        func cancelNext(_ count: Int) async throws {
            #expect(await eventually { scene.gateway.network.sent.count == count })
            scene.gateway.live.cancel(cause: .clientRequest) { $0.rpcID == .string("call-1") }
        }
        let plain = Task { await scene.post("server.exec", meta: [:]) }
        try await cancelNext(1)
        let answer = await plain.value
        guard case .none = answer.body else { throw Gone() }
        #expect(answer.head.status == .accepted)

        let streamed = await scene.post("server.exec")
        let reading = Task { try await collect(streamed) }
        try await cancelNext(2)
        #expect(try await reading.value.allSatisfy { $0.hasPrefix(":") })

        let version = try #require(MCPProtocol.statelessVersions.first)
        let modern = Task {
            await scene.post(
                "server.exec",
                meta: [
                    MCPProtocol.Meta.protocolVersion: .string(version), MCPProtocol.Meta.clientCapabilities: [:],
                ],
                fields: [.mcpProtocolVersion: version, .mcpMethod: "tools/call", .mcpName: "server.exec"])
        }
        try await cancelNext(3)
        guard case .bytes(let bytes) = await modern.value.body else { throw Gone() }
        #expect(try JSONParser.parse(bytes)["result"]?["isError"] == true)
    }

    @Test("comments keep a quiet stream alive; a slow client misses steps, never the response", .timeLimit(.minutes(5)))
    func keepAliveAndSlowness() async throws {
        let comments = Mutex(0)
        let quiet = EventStream(progressToken: "p", keepAlive: .milliseconds(20)).response { _ in
            // As long as it takes on a crowded machine; the test's own time limit ends it.
            while comments.withLock({ $0 < 4 }) { try? await Task.sleep(for: .milliseconds(5)) }
            return Array("{}".utf8)
        }
        guard case .stream(_, let produceQuiet) = quiet.body else { throw Gone() }
        let last = Mutex<[UInt8]>([])
        try await produceQuiet { bytes in
            if bytes.first == UInt8(ascii: ":") { comments.withLock { $0 += 1 } }
            last.withLock { $0 = bytes }
        }
        #expect(last.withLock { $0 } == Array("event: message\ndata: {}\n\n".utf8))

        let steps = Mutex<[[UInt8]]>([])
        let fast = EventStream(progressToken: "p").response { progress in
            for step in 1...1000 { progress(Double(step), 1000) }
            return Array("{}".utf8)
        }
        guard case .stream(_, let produce) = fast.body else { throw Gone() }
        try await produce { bytes in
            try await Task.sleep(for: .milliseconds(1))
            steps.withLock { $0.append(bytes) }
        }
        let written = steps.withLock { $0.map { String(decoding: $0, as: UTF8.self) } }
        #expect(written.count < 200)
        #expect(written.last == "event: message\ndata: {}\n\n")
    }
}
