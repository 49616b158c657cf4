/// One WebSocket (RFC 6455) after its handshake, free of any HTTP framework. The listener makes it and answers pings.
///
/// Receiving and sending may go on at the same time; each has one caller. Both directions hold the sender back: while
/// nobody receives, the client cannot send without end, and `send` suspends while the client does not read.
package protocol WebSocketConnection: Sendable {
    /// The next whole message, its fragments joined; `nil` once the client has closed.
    /// - Throws: when the connection broke or the client broke the protocol; it is closed then.
    func receive() async throws -> WebSocketMessage?

    /// - Throws: when the connection is closed.
    func send(_ message: WebSocketMessage) async throws

    /// As ``send(_:)-(WebSocketMessage)``, of a message that many sockets get.
    func send(_ message: SharedMessage) async throws
}

extension WebSocketConnection {
    package func send(_ message: SharedMessage) async throws { try await send(.text(message.text)) }
}

/// A text message that was framed once for many sockets, which share its bytes.
package struct SharedMessage: Sendable {
    /// Header and payload.
    let frame: [UInt8]
    private let payloadCount: Int

    /// - Parameter payload: UTF-8.
    package init(_ payload: [UInt8]) {
        frame = WebSocketFrame.text(payload)
        payloadCount = payload.count
    }

    package var payload: ArraySlice<UInt8> { frame.suffix(payloadCount) }
    package var text: String { String(decoding: payload, as: UTF8.self) }
}

/// The content of a data frame.
package enum WebSocketMessage: Sendable, Hashable {
    case text(String)
    case binary([UInt8])

    package var bytes: [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .binary(let bytes): bytes
        }
    }
}

/// How the gateway ends a WebSocket.
package struct WebSocketClose: Sendable, Hashable {
    /// 1000, 1001, 1008, 1009, 1011 …
    package var code: UInt16
    /// At most 123 bytes of UTF-8; more is cut at a character.
    package var reason: String

    package init(_ code: UInt16, _ reason: String = "") {
        self.code = code
        self.reason = reason
    }

    package static let normal = WebSocketClose(1000)
}

/// The answer to a request that asked for a WebSocket and may have it (``ResponseBody/webSocket(_:)``).
package struct WebSocketUpgrade: Sendable {
    /// A longer message of the client, fragments joined, closes with 1009. Bytes.
    package var maxMessageSize: Int
    /// The gateway pings this often; a client that is silent for two periods is given up.
    package var pingInterval: Duration
    /// The life of the socket. When it returns the socket is closed with what it returned; when the client goes away
    /// its task is cancelled. Called exactly once, also when the client left before the handshake was through (its
    /// first `receive` throws then), so it can release what it holds.
    package var run: @Sendable (any WebSocketConnection) async -> WebSocketClose

    package init(
        maxMessageSize: Int, pingInterval: Duration,
        run: @escaping @Sendable (any WebSocketConnection) async -> WebSocketClose
    ) {
        self.maxMessageSize = maxMessageSize
        self.pingInterval = pingInterval
        self.run = run
    }
}
