import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Connections that speak something else after a 101")
struct ProtocolSwitchTests {
    /// Switches to `run` whatever is asked.
    private static func entry(_ run: @escaping @Sendable (any SwitchedConnection) async -> Void) -> HTTPEntry {
        { _ in
            OutboundResponse(
                head: HTTPResponse(
                    status: .switchingProtocols, headerFields: [.upgrade: "shouting", .connection: "Upgrade"]),
                body: .switched(ProtocolSwitch(run: run)))
        }
    }

    @Sendable private static func shout(_ connection: any SwitchedConnection) async {
        do {
            while let bytes = try await connection.receive() {
                try await connection.send(bytes.map { (0x61...0x7A).contains($0) ? $0 & 0xDF : $0 })
                if bytes.last == UInt8(ascii: ".") { return }
            }
        } catch { return }
    }

    private static let request = get("/", "Upgrade: shouting", "Connection: Upgrade")

    @Test("bytes go both ways as they are, those behind the request first; the end of the one ends the other")
    func shouting() async throws {
        try await RunningServer.with(http: Self.entry(Self.shout)) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(Self.request + "early")
                let head = try await connection.receive(through: "\r\n\r\n")
                #expect(head == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: shouting\r\nConnection: Upgrade\r\n\r\n")
                #expect(try await connection.receive(through: "EARLY") == "EARLY")
                try await connection.send("GET / HTTP/1.1\r\n\r\n")
                #expect(try await connection.receive(through: "\r\n\r\n") == "GET / HTTP/1.1\r\n\r\n")
                try await connection.send("bye.")
                #expect(try await connection.receiveAll() == "BYE.")
            }
        }
    }

    @Test("while nobody receives, the client is held back, and nothing is lost")
    func pressure() async throws {
        let (go, total) = (Latch(), 32 << 20)
        let entry = Self.entry { connection in
            do {
                try await go.wait()
                var count = 0
                while count < total, let bytes = try await connection.receive() { count += bytes.count }
                try await connection.send(Array("\(count)".utf8))
            } catch { return }
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(Self.request)
                _ = try await connection.receive(through: "\r\n\r\n")
                let sent = Count()
                let sending = Task {
                    let piece = [UInt8](repeating: 7, count: 256 << 10)
                    for _ in 0..<(total / piece.count) {
                        try await connection.send(piece)
                        sent.add(piece.count)
                    }
                }
                // What both systems buffer and no more: it stands still.
                var last = -1
                while last != sent.value {
                    last = sent.value
                    try await Task.sleep(for: .milliseconds(300))
                }
                #expect(last < total)
                go.open()
                try await sending.value
                #expect(try await connection.receiveAll() == "\(total)")
            }
        }
    }

    @Test("a client that resets the connection cancels what runs, and a stop of the server does")
    func cancelled() async throws {
        for stops in [false, true] {
            let (begun, ended) = (Latch(), Latch())
            let entry = Self.entry { connection in
                begun.open()
                while !Task.isCancelled { do { _ = try await connection.receive() } catch { break } }
                ended.open()
            }
            try await RunningServer.with(limits: .changed { $0.shutdownGrace = .seconds(60) }, http: entry) { server in
                try await RawConnection.with(port: server.port) { connection in
                    try await connection.send(Self.request)
                    try await begun.wait()
                    if stops {
                        #expect(await server.shutDown() < .seconds(30))
                    } else {
                        await connection.reset()
                    }
                    try await ended.wait()
                }
            }
        }
    }

    @Test(
        "what cannot switch is answered with 500, and the switch is released",
        arguments: ["HTTP/1.0", "with status 200"])
    func refused(_ why: String) async throws {
        let ended = Latch()
        let entry: HTTPEntry = { _ in
            OutboundResponse(
                head: HTTPResponse(status: why == "HTTP/1.0" ? .switchingProtocols : .ok),
                body: .switched(
                    ProtocolSwitch { connection in
                        await #expect(throws: (any Error).self) { try await connection.receive() }
                        await #expect(throws: (any Error).self) { try await connection.send([1]) }
                        ended.open()
                    }))
        }
        try await RunningServer.with(http: entry) { server in
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(
                    "GET / \(why == "HTTP/1.0" ? why : "HTTP/1.1")\r\nHost: a\r\nConnection: close\r\n\r\n")
                #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 500 "))
                try await ended.wait()
            }
        }
    }
}

/// A number that several tasks see.
private final class Count: Sendable {
    private let number = Lock(0)
    var value: Int { number.withLock { $0 } }
    func add(_ more: Int) { number.withLock { $0 += more } }
}
