import TestSupport
import Transport

@testable import HTTP

/// A connection in memory: what a client sends is told by the test, what it hears is gathered.
final class HTTP1Peer {
    let transport = MemoryTransport()
    let connection: HTTP1Connection
    private(set) var heard: [UInt8] = []

    init(
        limits: ListenerLimits = ListenerLimits(), service: HTTPService? = nil, on loop: isolated EventLoop,
        entry: @escaping HTTPEntry = mirror
    ) {
        let service = service ?? HTTPService(limits: limits, entry: entry)
        let peer = SocketAddress("192.0.2.1", port: 5000)
        connection = HTTP1Connection(
            service, ConnectionInfo(peer: peer, place: service.book.admit(peer)), over: transport, on: loop)
        transport.attach(connection)
    }

    var text: String { String(decoding: heard, as: UTF8.self) }

    /// Whether the client knows that nothing comes any more.
    var isOver: Bool { transport.isClosed || transport.hasFinishedSending }

    func send(_ bytes: [UInt8], on loop: isolated EventLoop) async {
        transport.receive(bytes, on: loop)
        await settle(on: loop)
    }

    func send(_ text: String, on loop: isolated EventLoop) async { await send(Array(text.utf8), on: loop) }

    /// Lets everything happen that is ready to.
    func settle(on loop: isolated EventLoop) async {
        for _ in 0..<4 { await loop.turn() }
        heard += transport.takeSent()
    }

    /// What is heard of these bytes, sent in pieces of this size.
    static func answers(
        to bytes: [UInt8], pieces: Int = .max, limits: ListenerLimits = ListenerLimits(),
        entry: @escaping HTTPEntry = mirror
    ) async -> (text: String, isOver: Bool) {
        await EventLoop.shared.run { loop in
            let peer = HTTP1Peer(limits: limits, on: loop, entry: entry)
            var rest = bytes[...]
            while !rest.isEmpty, !peer.transport.isClosed {
                await peer.send(Array(rest.prefix(pieces)), on: loop)
                rest = rest.dropFirst(pieces)
            }
            let result = (peer.text, peer.isOver)
            peer.transport.close(on: loop)
            return result
        }
    }
}

/// Runs on a loop of its own, whose timers no other test holds up.
func onOwnLoop<Success: Sendable>(
    _ body: @Sendable (isolated EventLoop) async throws -> Success
) async rethrows -> Success {
    let loop = EventLoop()
    loop.start()
    do {
        let result = try await loop.run { loop in try await body(loop) }
        await loop.stop()
        return result
    } catch {
        await loop.stop()
        throw error
    }
}

/// Tells what came: method, path, authority and body.
@Sendable func mirror(_ request: InboundRequest) async -> OutboundResponse {
    let body = (try? await request.body.collect(upTo: 1 << 20)) ?? Array("broken".utf8)
    let head = request.head
    let text = "\(head.method) \(head.path ?? "-") \(head.authority ?? "-") "
    return .text(.ok, text + String(decoding: body, as: UTF8.self) + "|")
}
