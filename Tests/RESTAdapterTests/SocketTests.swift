import Foundation
import HTTP
import MCPServer
import Storage
import Synchronization
import Testing

@testable import RESTAdapter

@Suite("WebSocket routes", .timeLimit(.minutes(5)))
struct SocketTests {
    /// Accepts its socket, says which session was asked for, repeats what it hears until the client closes.
    private struct EchoTool: Tool {
        struct Input: Codable, Sendable {
            var session_id: String
        }

        let definition = ToolDefinition(
            name: "fake.echo", title: "Echo", description: "Echo", access: .user([.serverExec]), exposure: .internal,
            inputSchema: SchemaSource(Array(#"{"type":"object","properties":{"session_id":{"type":"string"}}}"#.utf8)),
            outputSchema: SchemaSource(Array("{}".utf8)))

        func run(_ input: Input, in call: ToolCall) async throws -> NoOutput {
            if input.session_id == "refused" { throw ToolFailure.permissionDenied }
            guard let socket = call.socket else { throw ToolSocket.missing }
            switch input.session_id {
            case "forgotten": return NoOutput()
            case "slow": try await Task.sleep(for: .seconds(600))
            default: break
            }
            let connection = try await socket.accept(.init(maxMessageSize: 100, pingInterval: .seconds(7)))
            try await connection.send(.text(input.session_id))
            while let message = try await connection.receive() { try await connection.send(message) }
            if input.session_id == "expired" { throw ToolFailure.rejected("too long") }
            return NoOutput()
        }
    }

    /// A connection whose client says what was given and then closes, or never does.
    private final class Line: WebSocketConnection {
        private let heard = Mutex<[WebSocketMessage]>([])
        private let words: Mutex<[WebSocketMessage]>
        private let stays: Bool

        init(_ words: [WebSocketMessage] = [], stays: Bool = false) {
            self.words = Mutex(words)
            self.stays = stays
        }

        var received: [WebSocketMessage] { heard.withLock { $0 } }

        func receive() async throws -> WebSocketMessage? {
            if let word = words.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return word }
            if stays { try await Task.sleep(for: .seconds(600)) }
            return nil
        }

        func send(_ message: WebSocketMessage) async throws { heard.withLock { $0.append(message) } }
    }

    private static let upgrade = [
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]

    private func world() async throws -> TestWorld {
        try await TestWorld(
            fakes: [EchoTool()],
            routes: [Route(.get, "/ws/echo/{id:text}", "fake.echo", renamed: ["id": "session_id"], result: .socket)])
    }

    private func open(_ world: TestWorld, _ id: String) async throws -> WebSocketUpgrade {
        let answer = try await world.respond(.get, "/api/v1/ws/echo/\(id)", bearer: world.session(), Self.upgrade)
        #expect(answer.head.status == .switchingProtocols)
        guard case .webSocket(let upgrade) = answer.body else { throw TestFailure.noBody }
        return upgrade
    }

    private func rows(_ world: TestWorld) async throws -> [AuditRecord] {
        await world.audit.flush()
        return try await world.storage.audit.rows(AuditSelection(), limit: 100)
    }

    @Test("the call is the life of the socket, and leaves its row when that is over")
    func life() async throws {
        let world = try await world()
        let upgrade = try await open(world, "abc%20d")
        #expect(upgrade.maxMessageSize == 100)
        #expect(upgrade.pingInterval == .seconds(7))
        #expect(world.live.count == 1)
        #expect(try await rows(world).isEmpty)
        let line = Line([.text("hello"), .binary([1])])
        #expect(await upgrade.run(line) == .normal)
        #expect(line.received == [.text("abc d"), .text("hello"), .binary([1])])
        #expect(world.live.count == 0)
        #expect(try await rows(world).map(\.outcome) == ["ok"])
    }

    @Test("the outcome of the call becomes the close frame")
    func closing() async throws {
        let world = try await world()
        let expired = try await open(world, "expired")
        #expect(await expired.run(Line()) == WebSocketClose(1008, "too long"))
        let cases: [(ToolFailure, UInt16)] = [
            (.cancelled(.rightsLost), 1008), (.cancelled(.deadline), 1008), (.cancelled(.shutdown), 1001),
            (.permissionDenied, 1008), (.agentError("agent did not attach within 10s"), 1011), (.serverOffline, 1011),
            (.internalError("canary"), 1011),
        ]
        for (failure, code) in cases {
            #expect(WebSocketClose(.failure(failure)) == WebSocketClose(code, failure.message))
        }
        #expect(WebSocketClose(.failure(.cancelled(.clientGone))) == .normal)
        #expect(!WebSocketClose(.failure(.internalError("canary"))).reason.contains("canary"))
    }

    @Test("Deleted while in use: a socket whose session ends is closed with 1008 and a reason")
    func revoked() async throws {
        let world = try await world()
        let upgrade = try await open(world, "abc")
        let running = Task { await upgrade.run(Line(stays: true)) }
        world.live.cancel(cause: .rightsLost) { _ in true }
        #expect(await running.value == WebSocketClose(1008, "the rights of this call were revoked while it ran"))
        #expect(try await rows(world).map(\.outcome) == ["revoked"])
    }

    @Test("a client that goes away ends the call")
    func gone() async throws {
        let world = try await world()
        let upgrade = try await open(world, "abc")
        let running = Task { await upgrade.run(Line(stays: true)) }
        running.cancel()
        #expect(await running.value == .normal)
        #expect(world.live.count == 0)
        #expect(try await rows(world).map(\.outcome) == ["cancelled"])
    }

    @Test("a client that goes away before the call has accepted ends it too")
    func goneEarly() async throws {
        let world = try await world()
        let session = try await world.session()
        let request = Task { try await world.send(.get, "/api/v1/ws/echo/slow", bearer: session, Self.upgrade) }
        while world.live.count == 0 { try await Task.sleep(for: .milliseconds(5)) }
        request.cancel()
        #expect(try await request.value.error == "client went away")
        #expect(world.live.count == 0)
        #expect(try await rows(world).map(\.outcome) == ["cancelled"])
    }

    @Test("a call that fails before it has accepted is answered like every other")
    func refusedCall() async throws {
        let world = try await world()
        let session = try await world.session()
        let refused = try await world.send(.get, "/api/v1/ws/echo/refused", bearer: session, Self.upgrade)
        #expect((refused.status, refused.error) == (200, "permission denied"))
        let token = try await world.token("nezha:server:exec")
        let byToken = try await world.send(.get, "/api/v1/ws/echo/refused", bearer: token, Self.upgrade)
        #expect((byToken.status, byToken.error) == (403, "permission denied"))
        let forgotten = try await world.send(.get, "/api/v1/ws/echo/forgotten", bearer: session, Self.upgrade)
        #expect((forgotten.status, forgotten.error) == (200, "internal error"))
        #expect(world.live.count == 0)
    }

    @Test("WebSocket: what is no upgrade is answered 400 in plain text, unless the session itself is refused")
    func noUpgrade() async throws {
        let world = try await world()
        let session = try await world.session()
        let answer = try await world.respond(.get, "/api/v1/ws/echo/abc", bearer: session)
        #expect(answer.head.status == .badRequest)
        #expect(answer.head.headerFields[.contentType] == "text/plain; charset=utf-8")
        #expect(try await rows(world).map(\.outcome) == ["rejected"])
        let refused = try await world.send(.get, "/api/v1/ws/echo/refused", bearer: session)
        #expect((refused.status, refused.error) == (200, "permission denied"))
        let guest = try await world.send(.get, "/api/v1/ws/echo/abc")
        #expect((guest.status, guest.error) == (200, "ApiErrorUnauthorized"))
    }

    @Test(
        "WebSocket: a foreign Origin is refused with 403 in plain text, whoever asks; programs send none",
        arguments: [
            (String?.none, 101), ("http://gate.test", 101), ("https://evil.test", 403), ("http://gate.test:81", 403),
            ("null", 403), ("http://gate.test.evil.test", 403),
        ])
    func origin(origin: String?, status: Int) async throws {
        let world = try await world()
        let session = try await world.session()
        var fields = Self.upgrade
        fields["Cookie"] = "nz-jwt=\(session); nz-csrf=x"
        fields["Origin"] = origin
        let answer = try await world.respond(.get, "/api/v1/ws/echo/abc", fields)
        #expect(answer.head.status.code == status)
        if case .webSocket(let upgrade) = answer.body { #expect(await upgrade.run(Line()) == .normal) }
        if status == 403 { #expect(answer.head.headerFields[.contentType] == "text/plain; charset=utf-8") }
    }

    @Test("WebSocket: a log-in is found in header, query and cookie, a token in the header")
    func places() async throws {
        let world = try await world()
        let session = try await world.session()
        let token = try await world.token("nezha:server:exec")
        let places: [(String, [String: String])] = [
            ("", ["Authorization": "Bearer \(session)"]), ("?token=\(session)", [:]),
            ("", ["Cookie": "nz-jwt=\(session)"]), ("", ["Authorization": "Bearer \(token)"]),
        ]
        for (query, fields) in places {
            let all = Self.upgrade.merging(fields) { $1 }
            let answer = try await world.respond(.get, "/api/v1/ws/echo/abc" + query, all)
            #expect(answer.head.status == .switchingProtocols)
            if case .webSocket(let upgrade) = answer.body { _ = await upgrade.run(Line()) }
        }
        let guest = try await world.send(.get, "/api/v1/ws/echo/abc", Self.upgrade)
        #expect((guest.status, guest.error) == (200, "ApiErrorUnauthorized"))
        let poor = try await world.token("nezha:server:read")
        let refused = try await world.send(.get, "/api/v1/ws/echo/abc", bearer: poor, Self.upgrade)
        #expect((refused.status, refused.error) == (403, "ApiErrorForbidden: api token lacks scope nezha:server:exec"))
    }

    @Test("a terminal is opened by a JSON body or a form, a file manager by the query")
    func opening() async throws {
        let world = try await world()
        let session = try await world.session()
        let offline = "server not found or not connected"
        let form = ["Content-Type": "application/x-www-form-urlencoded"]
        let bodies: [(String, [String: String], String, String?)] = [
            ("/terminal", [:], #"{"server_id":5,"protocol":"ssh"}"#, offline),
            ("/terminal", form, "server_id=5&protocol=ssh", offline),
            ("/terminal", form, "ServerID=5&Protocol=ssh", offline),
            ("/terminal", form, "ServerID=5&server_id=5", "invalid request body: a field is given twice"),
            ("/terminal", form, "serverid=5", "server_id required"),
            ("/terminal", form, "server_id=x", "invalid server_id: must be a whole number"),
            ("/terminal", [:], "{}", "server_id required"),
            ("/file?id=5", [:], "", offline),
            ("/file?id=x", [:], "", "invalid id: must be a whole number"),
            ("/file", [:], "", "server_id required"),
        ]
        for (path, fields, body, error) in bodies {
            let answer = try await world.send(.post, "/api/v1" + path, bearer: session, fields, body: body)
            #expect((answer.status, answer.error) == (200, error), "\(path) \(body)")
        }
    }
}
