import TestSupport
import Testing
import Transport

@testable import HTTP

/// Peers that leave at any byte, over sockets; the same with a gateway of its own, whose descriptors are counted, is an
/// end-to-end test.
@Suite("Hostile peers over sockets", .timeLimit(.minutes(5)))
struct HostilePeerTests {
    typealias Wire = HTTP2Wire

    enum Leaving: CaseIterable, Sendable { case close, halfClose, reset }

    enum Spoken: CaseIterable, Sendable {
        case http1, http2, webSocket

        var request: [UInt8] {
            switch self {
            case .http1:
                Array(
                    ("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n"
                        + get("/b")).utf8)
            case .http2:
                Wire.preface + Wire.request(1, "/a", method: "POST", end: false) + Wire.data(1, [1, 2, 3], end: true)
                    + Wire.settings(isAcknowledgement: true) + Wire.request(3, "/b")
            case .webSocket:
                Array(WebSocketPeer.request.utf8) + WebSocketPeer.frame(1, [0x61, 0x62]) + WebSocketPeer.frame(9, [1])
                    + WebSocketPeer.frame(8, [3, 0xE8])
            }
        }
    }

    /// Streams what the request had byte by byte, and counts what begins and ends.
    private final class Works: Sendable {
        let begun = Lock(0)
        let ended = Lock(0)

        var isOver: Bool { begun.withLock { $0 } == ended.withLock { $0 } }

        @Sendable func entry(_ request: InboundRequest) async -> OutboundResponse {
            begun.withLock { $0 += 1 }
            if WebSocketHandshake.refusal(of: request) == nil {
                return WebSocketHandshake.accept(
                    request,
                    WebSocketUpgrade(maxMessageSize: 1000, pingInterval: .seconds(3600)) { socket in
                        defer { self.ended.withLock { $0 += 1 } }
                        return await echo(socket)
                    })
            }
            let body = (try? await request.body.collect(upTo: 1000)) ?? []
            return OutboundResponse(
                head: HTTPResponse(status: .ok),
                body: .stream(length: nil) { write in
                    defer { self.ended.withLock { $0 += 1 } }
                    for byte in body + Array("answer".utf8) {
                        try await write([byte])
                        await Task.yield()
                    }
                })
        }
    }

    /// Sends the first bytes of a request, takes at least so many of the answer, and leaves.
    private static func visit(
        _ bytes: some Sequence<UInt8> & Sendable, answer: Int, _ leaving: Leaving, port: Int
    ) async throws {
        let bytes = Array(bytes)
        try await RawConnection.with(port: port) { connection in
            try await connection.send(bytes)
            var taken = 0
            while taken < answer, let more = try await connection.next() { taken += more.count }
            switch leaving {
            case .close: break
            case .reset: await connection.reset()
            case .halfClose:
                await connection.finishSending()
                while try await connection.next() != nil {}
            }
        }
    }

    @Test(
        "a peer that closes or resets at every byte of a request and of an answer leaves nothing behind",
        arguments: Spoken.allCases, Leaving.allCases)
    func everyByte(_ spoken: Spoken, _ leaving: Leaving) async throws {
        let works = Works()
        let limits = ListenerLimits.changed {
            $0.halfClosed = .milliseconds(200)
            $0.webSocketEnd = .milliseconds(200)
            $0.connectionsOfStrangers = 1000
        }
        try await RunningServer.with(limits: limits, http: works.entry) { server in
            let request = spoken.request
            // Of the answers of HTTP/2 nobody hears an end; 150 bytes come of each of the three.
            let visits = (0...request.count).map { ($0, 0) } + (1...150).map { (request.count, $0) }
            await withDiscardingTaskGroup { group in
                for lane in 0..<8 {
                    group.addTask {
                        for (count, answer) in stride(from: lane, to: visits.count, by: 8).map({ visits[$0] }) {
                            // A peer that left may find that the server did, too.
                            try? await Self.visit(request.prefix(count), answer: answer, leaving, port: server.port)
                        }
                    }
                }
            }
            #expect(await eventually { server.server.connectionCount == 0 })
            #expect(await eventually { works.isOver })
            #expect(works.begun.withLock { $0 } > 100)
            // And it still serves.
            try await RawConnection.with(port: server.port) { connection in
                try await connection.send(get("/"))
                #expect(try await connection.receive(through: "0\r\n\r\n").hasPrefix("HTTP/1.1 200 OK\r\n"))
            }
        }
    }

    @Test("connections that push the window past 2^31 are let go, a thousand of them, over sockets")
    func windows() async throws {
        try await RunningServer.with(limits: .changed { $0.connectionsOfStrangers = 1000 }) { server in
            await withDiscardingTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<125 {
                            try? await RawConnection.with(port: server.port) { connection in
                                try await connection.send(Wire.preface + Wire.window(0, 0x7FFF_FFFF))
                                // The server says why, and ends.
                                var bytes: [UInt8] = []
                                while let more = try await connection.next() { bytes += more }
                                let frames = Wire.parse(bytes)
                                #expect(frames.contains { $0.is(.goAway) })
                            }
                        }
                    }
                }
            }
            #expect(await eventually { server.server.connectionCount == 0 })
        }
    }
}
