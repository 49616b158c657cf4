import AgentLink
import FoundationEssentials
import HTTP
import Storage
import Synchronization
import Testing

@testable import Monitoring

@Suite struct TunnelTableTests {
    private func row(_ id: Int64, _ domain: String) -> Owned<NATForm> {
        var form = NATForm()
        (form.domain, form.enabled) = (domain, true)
        let date = Date(timeIntervalSince1970: 0)
        return Owned(id: id, owner: 1, createdAt: date, updatedAt: date, form: form)
    }

    @Test(
        "the whole text first, then without a port, in any case of letters",
        arguments: [
            ("a.example", 1), ("A.Example", 1), ("a.example:8008", 2), ("a.example:80", 1), ("b.example", nil),
            ("", nil),
        ] as [(String, Int64?)])
    func hosts(_ host: String, _ rule: Int64?) {
        var table = TunnelTable()
        table.set(row(1, "a.example"))
        table.set(row(2, "a.example:8008"))
        #expect(table.rule(host: host)?.id == rule)
    }

    @Test("of rules for one host the one that is written so comes first, then the oldest; if one goes, the other stays")
    func same() {
        var table = TunnelTable()
        table.set(row(2, "Shop.example"))
        table.set(row(1, "shop.example"))
        for (host, id) in [("Shop.example", 2), ("shop.example:80", 1), ("SHOP.example", 1)] as [(String, Int64)] {
            #expect(table.rule(host: host)?.id == id)
        }
        table.remove(1)
        #expect(table.rule(host: "shop.example")?.id == 2)
        table.set(row(2, "other.example"))
        #expect(table.rule(host: "shop.example") == nil)
    }

    @Test("a rule that has moved or gone is found no more")
    func changes() {
        var table = TunnelTable()
        table.set(row(1, "a.example"))
        table.set(row(1, "c.example"))
        #expect(table.rule(host: "a.example") == nil)
        #expect(table.rule(host: "c.example")?.id == 1)
        table.remove(1)
        #expect(table.rule(host: "c.example") == nil)
    }
}

@Suite struct TunnelRelayTests {
    @Test("a request goes out without its credential, and the response comes back in pieces")
    func relay() async throws {
        let stream = ScriptedStream(["HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\nX-A: b\r\n\r\nhel", "lo"])
        var head = HTTPRequest(method: .post, scheme: "http", authority: "up.example", path: "/echo?x=1")
        head.headerFields[.authorization] = "Bearer secret"
        head.headerFields[.contentLength] = "4"
        // What is about the client's connection stays there, and what it says is.
        head.headerFields[.connection] = "close, X-Hop"
        head.headerFields[.proxyAuthorization] = "Basic secret"
        head.headerFields[HTTPField.Name(token: "x-hop")] = "1"
        let chunks = Mutex([Array("body".utf8)])
        let request = InboundRequest(
            head: head, id: "1", client: ClientAddress(peer: nil, real: nil), isSecure: false,
            body: RequestBody { chunks.withLock { $0.popLast() } })
        let relay = TunnelRelay(request, over: stream)
        #expect(try await relay.head().status.code == 200)
        let body = Mutex("")
        try await relay.pump { bytes in body.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
        #expect(body.withLock { $0 } == "hello")
        #expect(stream.isClosed)
        for _ in 0..<200 where !stream.sent.hasSuffix("body") { try await Task.sleep(for: .milliseconds(5)) }
        #expect(
            stream.sent
                == "POST /echo?x=1 HTTP/1.1\r\nHost: up.example\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")
    }

    @Test("a service that hangs up without a response")
    func silent() async throws {
        let request = InboundRequest(
            head: HTTPRequest(method: .get, scheme: "http", authority: "x", path: "/"), id: "1",
            client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
        let relay = TunnelRelay(request, over: ScriptedStream([]))
        await #expect(throws: (any Error).self) { try await relay.head() }
    }
}

@Suite struct TunnelWebSocketTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    private static func upgrade(_ fields: HTTPFields = [:]) -> InboundRequest {
        var head = HTTPRequest(method: .get, scheme: "http", authority: "ws.example", path: "/chat")
        head.headerFields = [
            .upgrade: "websocket", .connection: "keep-alive, Upgrade", .authorization: "Bearer secret",
            .secWebSocketKey: key, .secWebSocketVersion: "13", .secWebSocketProtocol: "chat",
        ]
        for field in fields { head.headerFields[field.name] = field.value }
        return InboundRequest(
            head: head, id: "1", client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
    }

    @Test("an upgrade reaches the service as one, and after its 101 bytes go both ways as they are until it hangs up")
    func upgrades() async throws {
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nfirst"
        let stream = ScriptedStream([answer, " second"])
        let client = ScriptedClient(["hello", " world"])
        let relay = TunnelRelay(Self.upgrade(), over: stream)
        #expect(try await relay.head().status.code == 101)
        #expect(relay.isSwitched)
        stream.holdsEnd(until: "world")
        await relay.splice(client)
        #expect(client.received == "first second")
        #expect(stream.isClosed)
        #expect(
            stream.sent == "GET /chat HTTP/1.1\r\nHost: ws.example\r\nSec-WebSocket-Key: \(Self.key)\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\nUpgrade: websocket\r\n"
                + "Connection: Upgrade\r\n\r\nhello world")
    }

    @Test("a client that goes away ends the tunnel, and so does silence", arguments: [true, false])
    func ends(_ leaves: Bool) async throws {
        let stream = ScriptedStream(["HTTP/1.1 101 Go\r\n\r\n"])
        let relay = TunnelRelay(Self.upgrade(), over: stream)
        #expect(try await relay.head().status.code == 101)
        stream.holdsEnd(until: "never")
        await relay.splice(
            ScriptedClient(["x"], staysSilent: !leaves), silence: leaves ? .seconds(60) : .milliseconds(100))
        #expect(stream.isClosed)
    }

    @Test(
        "a service that refuses is heard as it is, and one that switches unasked is no service",
        arguments: [
            ("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", true, 403), ("HTTP/1.1 101 Go\r\n\r\n", false, nil),
        ] as [(String, Bool, Int?)])
    func others(_ answer: String, _ asks: Bool, _ status: Int?) async throws {
        let relay = TunnelRelay(
            asks ? Self.upgrade() : Self.upgrade([.upgrade: "h2c"]), over: ScriptedStream([answer]))
        let head = try? await relay.head()
        #expect(head?.status.code == status)
        #expect(!relay.isSwitched)
    }

    @Test("a service that takes nothing of a request is given up")
    func stalled() async throws {
        let stream = DeafStream()
        let relay = TunnelRelay(Self.upgrade(), over: stream, stall: .milliseconds(50))
        await #expect(throws: (any Error).self) { try await relay.head() }
        #expect(stream.isClosed)
    }
}

/// Takes nothing, and ends when it is closed.
private final class DeafStream: AgentStream {
    let id = "deaf"
    private let state = Mutex(false)

    var isClosed: Bool { state.withLock { $0 } }

    func receive() async throws -> [UInt8]? {
        while !isClosed { try await Task.sleep(for: .milliseconds(5)) }
        return nil
    }

    func send(_ frame: [UInt8]) async throws { try await Task.sleep(for: .seconds(600)) }
    func close() async { state.withLock { $0 = true } }
}

/// The client of a switched connection: says what it is told to, then ends or waits to be cancelled.
final class ScriptedClient: SwitchedConnection {
    private let state: Mutex<(pieces: [String], received: [UInt8])>
    private let staysSilent: Bool

    init(_ pieces: [String], staysSilent: Bool = true) {
        state = Mutex((pieces, []))
        self.staysSilent = staysSilent
    }

    var received: String { state.withLock { String(decoding: $0.received, as: UTF8.self) } }

    func receive() async throws -> [UInt8]? {
        if let piece = state.withLock({ $0.pieces.isEmpty ? nil : $0.pieces.removeFirst() }) {
            return Array(piece.utf8)
        }
        if staysSilent { try await Task.sleep(for: .seconds(600)) }
        return nil
    }

    func send(_ bytes: [UInt8]) async throws { state.withLock { $0.received += bytes } }
}

/// Says what it is told to, and notes what it hears.
final class ScriptedStream: AgentStream {
    let id = "stream"
    private let state: Mutex<(pieces: [String], sent: [UInt8], isClosed: Bool, last: String)>

    init(_ pieces: [String]) { state = Mutex((pieces, [], false, "")) }

    /// It does not end before it has heard this last.
    func holdsEnd(until last: String) { state.withLock { $0.last = last } }

    var sent: String { state.withLock { String(decoding: $0.sent, as: UTF8.self) } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func receive() async throws -> [UInt8]? {
        // The request goes first.
        try await Task.sleep(for: .milliseconds(20))
        if let piece = state.withLock({ $0.pieces.isEmpty ? nil : $0.pieces.removeFirst() }) {
            return Array(piece.utf8)
        }
        while !sent.hasSuffix(state.withLock { $0.last }) { try await Task.sleep(for: .milliseconds(5)) }
        return nil
    }

    func send(_ frame: [UInt8]) async throws { state.withLock { $0.sent += frame } }
    func close() async { state.withLock { $0.isClosed = true } }
}
