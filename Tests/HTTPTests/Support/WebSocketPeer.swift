import Synchronization
import TestSupport
import Transport

@testable import HTTP

/// A frame as the gateway sent it.
struct ServerFrame: Equatable {
    var opcode: UInt8
    var payload: [UInt8]
    var text: String { String(decoding: payload, as: UTF8.self) }
    /// Of a close; 1005 stands for none.
    var code: Int { payload.count < 2 ? 1005 : Int(payload[0]) << 8 | Int(payload[1]) }
}

/// The client's side of a WebSocket, byte by byte under the test's control.
struct WebSocketPeer: Sendable {
    let connection: RawConnection
    private let received = Mutexed()

    final class Mutexed: Sendable { let bytes = Lock<[UInt8]>([]) }

    init(_ connection: RawConnection) { self.connection = connection }

    static let request = get(
        "/ws", "Upgrade: websocket", "Connection: keep-alive, Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")

    /// Sends the handshake and takes the 101.
    static func open(_ connection: RawConnection, early: [UInt8] = []) async throws -> WebSocketPeer {
        try await connection.send(Array(request.utf8) + early)
        let head = try await connection.receive(through: "\r\n\r\n")
        guard head.hasPrefix("HTTP/1.1 101 ") else { throw Refused(head: head) }
        return WebSocketPeer(connection)
    }

    struct Refused: Error { var head: String }

    /// A masked frame.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        var frame = [(isFinal ? 0x80 : 0) | opcode]
        switch payload.count {
        case ...125: frame.append(0x80 | UInt8(payload.count))
        case ...65535: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0x80 | 127] + (0..<8).map { UInt8(payload.count >> (56 - 8 * $0) & 0xFF) }
        }
        return frame + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    func send(_ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true) async throws {
        try await connection.send(Self.frame(opcode, payload, isFinal: isFinal))
    }

    func send(_ text: String) async throws { try await send(1, Array(text.utf8)) }

    /// The next frame; `nil` at the end of the connection.
    func next() async throws -> ServerFrame? {
        while true {
            if let frame = received.bytes.withLock({ Self.take(&$0) }) { return frame }
            let kept = connection.takeReceived()
            if !kept.isEmpty {
                received.bytes.withLock { $0 += kept }
                continue
            }
            guard let more = try await connection.next() else { return nil }
            received.bytes.withLock { $0 += more }
        }
    }

    private static func take(_ bytes: inout [UInt8]) -> ServerFrame? {
        guard bytes.count >= 2 else { return nil }
        var start = 2
        var length = Int(bytes[1] & 0x7F)
        if length >= 126 {
            start = length == 126 ? 4 : 10
            guard bytes.count >= start else { return nil }
            length = bytes[2..<start].reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes.count >= start + length else { return nil }
        defer { bytes.removeFirst(start + length) }
        return ServerFrame(opcode: bytes[0] & 0x0F, payload: Array(bytes[start..<start + length]))
    }
}

/// Answers every upgrade with `run`, everything else with "hello".
func webSocketEntry(
    maxMessageSize: Int = 1 << 20, pingInterval: Duration = .seconds(3600),
    _ run: @escaping @Sendable (any WebSocketConnection) async -> WebSocketClose
) -> HTTPEntry {
    { request in
        guard WebSocketHandshake.refusal(of: request) == nil else { return .text(.ok, "hello") }
        return WebSocketHandshake.accept(
            request, WebSocketUpgrade(maxMessageSize: maxMessageSize, pingInterval: pingInterval, run: run))
    }
}

/// Sends back every message until the client closes; says what ended it.
@Sendable func echo(_ socket: any WebSocketConnection) async -> WebSocketClose {
    do {
        while let message = try await socket.receive() {
            if message == .text("bye") { return WebSocketClose(1000, "as you like") }
            try await socket.send(message)
        }
    } catch { return WebSocketClose(1011, "\(error)") }
    return .normal
}
