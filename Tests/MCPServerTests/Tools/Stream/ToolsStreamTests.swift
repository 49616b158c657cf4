import Foundation
import HTTP
import JSON
import Storage
import TestSupport
import Testing

@testable import AgentLink
@testable import MCPServer

@Suite("Tools: terminals and file managers", .timeLimit(.minutes(5)))
struct ToolsStreamTests {
    /// A member with a server and an agent, and an administrator.
    struct Scene: Sendable {
        let gateway: TestGateway
        let admin: UserRecord
        let owner: UserRecord
        let server: ServerRecord
        let agent: StreamAgent

        var streams: AgentDirectory { gateway.network.streams }

        func open(_ tool: String = "terminal.open", as principal: Principal) async throws -> String {
            let result = await gateway.call(
                tool, ["server_id": .integer(server.id)], as: principal, origin: .rest)
            return try #require(try result.get()["session_id"]?.stringValue)
        }

        func attach(
            _ id: String, _ tool: String = "terminal.attach", as principal: Principal, on socket: FakeSocket?
        ) async -> Result<JSONValue, ToolFailure> {
            var call = ToolCall(
                principal: principal, origin: .rest, requestID: "r-2", client: ClientAddress(peer: nil, real: nil))
            call.socket = socket?.offer
            return await gateway.registry.invoke(tool, arguments: ["session_id": .string(id)], call: call)
        }

        /// An attached terminal, while `body` runs; what became of the call afterwards.
        func attached(
            as principal: Principal, tool: String = "terminal",
            _ body: @Sendable (FakeSocket, IOStreamSession) async throws -> Void
        ) async throws -> Result<JSONValue, ToolFailure> {
            let id = try await open("\(tool).open", as: principal)
            let socket = FakeSocket()
            let call = Task { await attach(id, "\(tool).attach", as: principal, on: socket) }
            let stream = try await agent.attachNext(tool == "terminal" ? .terminal : .fileManager)
            #expect(await eventually { socket.accepted.count == 1 })
            try await body(socket, stream)
            let result = await call.value
            #expect(streams.streamCount == 0)
            return result
        }
    }

    func scene(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
        try await TestGateway.running { gateway in
            let admin = try await gateway.user("root", role: .administrator)
            let owner = try await gateway.user("owner")
            let server = try await gateway.server(of: owner.id, name: "shell host")
            gateway.network.attachSilent(server.id)
            let agent = try StreamAgent(gateway.network.streams, server: server.id)
            try await body(
                Scene(gateway: gateway, admin: admin, owner: owner, server: server, agent: agent))
        }
    }

    @Test("opening a terminal names the stream and its server, and tells the agent at once")
    func open() async throws {
        try await scene { scene in
            let principal = try await scene.gateway.token(of: scene.owner, [.serverExec])
            let arguments: JSONValue = ["server_id": .integer(scene.server.id), "protocol": "ssh"]
            let output = try await scene.gateway.call("terminal.open", arguments, as: principal, origin: .rest).get()
            #expect(output["server_id"] == .integer(scene.server.id))
            #expect(output["server_name"] == "shell host")
            let stream = try await scene.agent.attachNext()
            #expect(output["session_id"] == .string(stream.id))
        }
    }

    @Test("the file manager takes a token with all three scopes only")
    func scopes() async throws {
        try await scene { scene in
            let all: [Scope] = [.serverRead, .serverWrite, .serverDelete]
            for missing in all {
                let token = try await scene.gateway.token(of: scene.owner, all.filter { $0 != missing })
                let opened = await scene.gateway.call(
                    "file_manager.open", ["server_id": .integer(scene.server.id)], as: token, origin: .rest)
                #expect(opened.failureText == "missing required scope: \(missing)")
                let attached = await scene.attach("x", "file_manager.attach", as: token, on: FakeSocket())
                #expect(attached.failureText == "missing required scope: \(missing)")
            }
            _ = try await scene.open("file_manager.open", as: try await scene.gateway.token(of: scene.owner, all))
        }
    }

    @Test("a server without an agent and one that is not the caller's are refused")
    func openRefusals() async throws {
        try await scene { scene in
            let silent = try await scene.gateway.server(of: scene.owner.id)
            let foreign = try await scene.gateway.server(of: scene.admin.id)
            let session = try await scene.gateway.session(of: scene.owner)
            for tool in ["terminal.open", "file_manager.open"] {
                for (id, outcome) in [(silent.id, ToolOutcome.serverOffline), (foreign.id, .permissionDenied)] {
                    let result = await scene.gateway.call(
                        tool, ["server_id": .integer(id)], as: session, origin: .rest)
                    #expect(result.outcome == outcome)
                }
            }
        }
    }

    @Test("unbounded streams: the 21st stream of a user is refused, and one that ends makes room")
    func quota() async throws {
        try await scene { scene in
            let session = try await scene.gateway.session(of: scene.owner)
            var ids: [String] = []
            for _ in 0..<20 { ids.append(try await scene.open(as: session)) }
            let arguments: JSONValue = ["server_id": .integer(scene.server.id)]
            let refused = await scene.gateway.call("file_manager.open", arguments, as: session, origin: .rest)
            #expect(refused.outcome == .rejected)
            #expect(refused.failureText == "too many concurrent streams for this user")
            let socket = FakeSocket()
            socket.close()
            #expect(await scene.attach(ids[0], as: session, on: socket).outcome == .ok)
            _ = try await scene.open("file_manager.open", as: session)
        }
    }

    @Test("input and output pass, long input in pieces with their tag, resizes only within bounds")
    func relay() async throws {
        try await scene { scene in
            let session = try await scene.gateway.session(of: scene.owner)
            let result = try await scene.attached(as: session) { socket, stream in
                #expect(socket.accepted.first == .init(maxMessageSize: 524_352, pingInterval: .seconds(10)))
                let long = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
                socket.say([0] + Array("ls\n".utf8))
                socket.say([1] + Array(#"{"Cols":1001,"Rows":24}"#.utf8))
                socket.say([1] + Array(#"{"Cols":2,"Rows":501}"#.utf8))
                socket.say([2, 3])
                socket.say([])
                socket.say([1] + Array(#"{"Rows":500,"Cols":1000}"#.utf8))
                socket.say([0] + long)
                socket.say(text: "\0x\u{1}é")
                socket.say(text: "")
                socket.say([0, 0x78])
                #expect(try await stream.outbound.next() == [0] + Array("ls\n".utf8))
                #expect(try await stream.outbound.next() == [1] + Array(#"{"Cols":1000,"Rows":500}"#.utf8))
                var heard: [UInt8] = []
                while heard.count < long.count {
                    let piece = try #require(try await stream.outbound.next())
                    #expect(piece.first == 0)
                    #expect(piece.count > 1)
                    heard += piece.dropFirst()
                }
                #expect(heard == long)
                #expect(try await stream.outbound.next() == [0, 0] + Array("x\u{1}é".utf8))
                #expect(try await stream.outbound.next() == [0, 0x78])
                #expect(stream.agentSent(Array("out".utf8)) == .taken)
                #expect(await socket.hear() == .binary(Array("out".utf8)))
                socket.close()
            }
            #expect(result.outcome == .ok)
        }
    }

    @Test("file manager frames pass as they are, but for empty ones")
    func fileFrames() async throws {
        try await scene { scene in
            let token = try await scene.gateway.token(of: scene.owner)
            let result = try await scene.attached(as: token, tool: "file_manager") { socket, stream in
                #expect(socket.accepted.first?.maxMessageSize == 2 << 20)
                let big = [UInt8](repeating: 9, count: 1 << 20)
                for message in [[], [0, 0x2F], big] { socket.say(message) }
                let frames = [try await stream.outbound.next(), try await stream.outbound.next()]
                #expect(frames == [[0, 0x2F], big])
                _ = stream.agentSent(FileManagerReply.uploaded.bytes)
                #expect(await socket.hear() == .binary(Array("NZUP".utf8)))
                stream.handle(.agentEnded)
            }
            #expect(result.outcome == .ok)
        }
    }

    @Test("the end of the shell ends the call well, after what it said; a lost agent does not")
    func agentEnds() async throws {
        try await scene { scene in
            let session = try await scene.gateway.session(of: scene.owner)
            let ended = try await scene.attached(as: session) { socket, stream in
                _ = stream.agentSent([1])
                stream.handle(.agentEnded)
                #expect(await socket.hear() == .binary([1]))
            }
            #expect(ended.outcome == .ok)
            let lost = try await scene.attached(as: session) { _, stream in stream.handle(.agentFailed) }
            #expect(lost.failureText == "the agent's stream was lost")
            let gone = try await scene.attached(as: session) { socket, _ in socket.breakOff() }
            #expect(gone.outcome == .cancelled)
            let outcomes = try await scene.gateway.auditRows().filter { $0.tool == "terminal.attach" }.map(\.outcome)
            #expect(outcomes.sorted() == ["agent_error", "cancelled", "ok"])
        }
    }

    @Test("one audit row at the end names the server and the outcome, and of the id only a hash")
    func audit() async throws {
        try await scene { scene in
            let token = try await scene.gateway.token(of: scene.owner)
            _ = try await scene.attached(as: token) { socket, _ in
                let tools = try await scene.gateway.auditRows().map(\.tool)
                #expect(tools == ["terminal.open"])
                socket.close()
            }
            let rows = try await scene.gateway.auditRows()
            let row = try #require(rows.first)
            #expect(rows.count == 2)
            #expect(row.tool == "terminal.attach")
            #expect(row.outcome == "ok")
            #expect(row.serverID == scene.server.id)
            #expect(row.tokenID == token.token?.id)
            #expect(row.argumentsRedacted.contains("digest"))
        }
    }

    @Test("stream id used as a credential: other user, other token, other purpose, second attach, after close, no id")
    func credential() async throws {
        try await scene { scene in
            let gateway = scene.gateway
            let stranger = try await gateway.user("stranger")
            let token = try await gateway.token(of: scene.owner)
            let id = try await scene.open(as: token)
            let others: [(String, Principal)] = [
                ("terminal.attach", try await gateway.session(of: stranger)),
                ("terminal.attach", try await gateway.token(of: stranger)),
                ("terminal.attach", try await gateway.token(of: scene.owner)),
                ("terminal.attach", try await gateway.token(of: scene.admin)),
                ("file_manager.attach", token),
            ]
            for (tool, principal) in others {
                let socket = FakeSocket()
                let refused = await scene.attach(id, tool, as: principal, on: socket)
                #expect(refused.failureText == "permission denied")
                #expect(socket.accepted.isEmpty)
            }
            let socket = FakeSocket()
            let first = Task { await scene.attach(id, as: token, on: socket) }
            #expect(await eventually { socket.accepted.count == 1 })
            #expect(await scene.attach(id, as: token, on: FakeSocket()).failureText == "permission denied")
            socket.close()
            #expect(await first.value.outcome == .ok)
            for id in [id, "invented"] {
                #expect(await scene.attach(id, as: token, on: FakeSocket()).failureText == "permission denied")
            }
        }
    }

    @Test("stream id used as a credential: log-ins of the creator and of an administrator may attach")
    func logIns() async throws {
        try await scene { scene in
            for user in [scene.owner, scene.admin] {
                let id = try await scene.open(as: try await scene.gateway.token(of: scene.owner))
                let socket = FakeSocket()
                socket.close()
                let session = try await scene.gateway.session(of: user)
                #expect(await scene.attach(id, as: session, on: socket).outcome == .ok)
            }
        }
    }

    @Test("stream id used as a credential: who owns the server counts at the attachment too")
    func rightsAtAttach() async throws {
        try await scene { scene in
            let gateway = scene.gateway
            let token = try await gateway.token(of: scene.owner)
            let id = try await scene.open(as: token)
            let session = try await gateway.session(of: scene.owner)
            let second = try await scene.open(as: session)
            try await gateway.move(scene.server, to: scene.admin)
            try await gateway.identity.refresh()
            let socket = FakeSocket()
            #expect(await scene.attach(id, as: token, on: socket).failureText == "permission denied")
            #expect(await scene.attach(second, as: session, on: socket).failureText == "permission denied")
            #expect(socket.accepted.isEmpty)
            // The refusals have used nothing up.
            try await gateway.move(scene.server, to: scene.owner)
            try await gateway.identity.refresh()
            socket.close()
            #expect(await scene.attach(second, as: session, on: socket).outcome == .ok)
        }
    }

    @Test("without a WebSocket nothing is attached")
    func noSocket() async throws {
        try await scene { scene in
            let session = try await scene.gateway.session(of: scene.owner)
            let id = try await scene.open(as: session)
            let result = await scene.attach(id, as: session, on: nil)
            #expect(result.failureText == "a stream is attached over a WebSocket only")
            #expect(scene.streams.streamCount == 1)
        }
    }
}
