package import Transport

/// Who has an ``HTTP2ClientConnection``. All of it is called on the connection's loop.
package protocol HTTP2ClientOwner: AnyObject {
    /// The server speaks HTTP/2: its first SETTINGS have come.
    func connectionIsReady(_ connection: HTTP2ClientConnection, on loop: isolated EventLoop)

    /// The server takes no more streams (GOAWAY); those that it has go on.
    func connectionGoesAway(
        _ connection: HTTP2ClientConnection, _ code: HTTP2ErrorCode, _ reason: String, on loop: isolated EventLoop)

    /// The connection is closed, after all of its streams. The last call.
    func connectionClosed(
        _ connection: HTTP2ClientConnection, _ end: HTTP2ClientConnection.End, on loop: isolated EventLoop)
}

/// The client's end of an HTTP/2 connection. It answers pings and sends none; streams above what the server allows wait
/// for others to end.
package final class HTTP2ClientConnection: ByteProtocol {
    /// How a connection ended.
    package enum End: Sendable, Hashable {
        /// By either side, without a fault that was told.
        case closed
        /// The server said why: its code and words.
        case goneAway(HTTP2ErrorCode, reason: String)
        /// What the server sent is no HTTP/2.
        case violated(HTTP2ErrorCode)
    }

    private let link: HTTP2Link
    /// Until the connection is closed.
    private var owner: (any HTTP2ClientOwner)?
    private var isReady = false
    private var goneAway: (code: HTTP2ErrorCode, reason: String)?

    /// Sends the preface. Attach it to the transport then.
    package init(
        over transport: any ByteTransport, isSecure: Bool, owner: any HTTP2ClientOwner,
        settings: HTTP2Settings = .client, on loop: isolated EventLoop
    ) {
        link = HTTP2Link(
            HTTP2Session(.client, settings), over: transport, peer: nil, isSecure: isSecure, on: loop)
        self.owner = owner
        link.owner = self
        link.flushLater(on: loop)
    }

    /// Whether ``open(_:handler:endStream:on:)`` may succeed.
    package var isOpen: Bool { link.transport != nil && goneAway == nil && link.fault == nil }

    /// Begins a request. What is written to the stream follows its head; the handler hears of all that comes.
    /// - Parameter endStream: the request is nothing but its head.
    /// - Returns: `nil` when the connection takes no more streams.
    package func open(
        _ request: HTTPRequest, handler: any HTTP2StreamHandler, endStream: Bool = false, on loop: isolated EventLoop
    ) -> HTTP2Stream? {
        guard isOpen, let stream = link.session.request(request, endStream: endStream, of: link) else { return nil }
        stream.handler = handler
        link.flushLater(on: loop)
        return stream
    }

    /// Says GOAWAY; what is open goes on, then the connection ends.
    package func beginShutdown(on loop: isolated EventLoop) {
        link.update(on: loop) { $0.goAway() }
    }

    /// Closes at once.
    package func close(on loop: isolated EventLoop) { link.close(on: loop) }

    // MARK: ByteProtocol

    package func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) { link.received(bytes, on: loop) }
    package func receivedEnd(on loop: isolated EventLoop) { link.receivedEnd(on: loop) }
    package func writable(on loop: isolated EventLoop) { link.writable(on: loop) }

    package func closed(on loop: isolated EventLoop) {
        link.closed(on: loop)
        let owner = owner
        self.owner = nil
        owner?.connectionClosed(self, end, on: loop)
    }

    private var end: End {
        if let fault = link.fault { return .violated(fault) }
        return goneAway.map { .goneAway($0.code, reason: $0.reason) } ?? .closed
    }
}

extension HTTP2ClientConnection: HTTP2LinkOwner {
    func began(_ stream: HTTP2Stream, _ request: HTTPRequest, on loop: isolated EventLoop) {}
    func lingers(_ stream: HTTP2Stream, on loop: isolated EventLoop) {}
    func ended(_ stream: HTTP2Stream, on loop: isolated EventLoop) {}
    func received(pong: Void, on loop: isolated EventLoop) {}
    func flushed(on loop: isolated EventLoop) {}

    func refused(_ stream: HTTP2Stream, _ status: HTTPResponse.Status, on loop: isolated EventLoop) {
        stream.reset(.enhanceYourCalm, on: loop)
    }

    func received(settings: Void, on loop: isolated EventLoop) {
        guard !isReady else { return }
        isReady = true
        owner?.connectionIsReady(self, on: loop)
    }

    func received(goAway code: HTTP2ErrorCode, debug: [UInt8], on loop: isolated EventLoop) {
        let reason = String(decoding: debug, as: UTF8.self)
        let isFirst = goneAway == nil
        goneAway = (code, reason)
        if isFirst { owner?.connectionGoesAway(self, code, reason, on: loop) }
    }
}

extension HTTP2Settings {
    /// For an agent: its server may send large pieces on several streams from the start.
    package static let client = {
        var settings = HTTP2Settings()
        settings.streamWindow = 1 << 20
        settings.connectionWindow = 16 << 20
        return settings
    }()
}
