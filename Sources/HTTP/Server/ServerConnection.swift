import Primitives
import Transport

/// One accepted connection: finds out what it speaks, then passes everything on.
///
/// On TLS the negotiated ALPN protocol decides; a client without ALPN, like every cleartext client, is told by its
/// first bytes. One that shows nothing is closed after a time, when it stops sending, and when the server stops.
final class ServerConnection: ByteProtocol {
    private enum State {
        case undecided(ProtocolSniffer)
        case http1(HTTP1Connection)
        case http2(HTTP2Connection)
        case closed
    }

    private let service: HTTPService
    private let http2: HTTP2ServerConfiguration
    private let info: ConnectionInfo
    private let transport: any ByteTransport
    private let whenOver: (ServerConnection) -> Void
    private var state = State.undecided(ProtocolSniffer())
    /// What came before it was decided: at most the sniffer's 14 bytes and what came with the last of them.
    private var first: [UInt8] = []
    private var timer: EventLoop.Timer?

    /// - Parameter whenOver: called once, when the transport is closed and nothing is worked at for the client any more.
    init(
        _ service: HTTPService, _ http2: HTTP2ServerConfiguration, _ info: ConnectionInfo,
        over transport: any ByteTransport, on loop: isolated EventLoop, whenOver: @escaping (ServerConnection) -> Void
    ) {
        self.service = service
        self.http2 = http2
        self.info = info
        self.transport = transport
        self.whenOver = whenOver
        switch info.applicationProtocol {
        case "h2": becomeHTTP2(on: loop)
        case .some: becomeHTTP1(on: loop)
        case nil:
            timer = loop.schedule(after: service.limits.undecided.timerMilliseconds) { [weak self] in
                self?.timer = nil
                transport.close(on: loop)
            }
        }
    }

    private var speaker: (any ByteProtocol)? {
        switch state {
        case .undecided, .closed: nil
        case .http1(let connection): connection
        case .http2(let connection): connection
        }
    }

    // MARK: ByteProtocol

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        guard case .undecided(var sniffer) = state else {
            speaker?.received(bytes, on: loop)
            return
        }
        var verdict = ProtocolSniffer.Verdict.undecided
        for position in bytes.indices where verdict == .undecided { verdict = sniffer.feed(bytes[position]) }
        state = .undecided(sniffer)
        switch verdict {
        case .undecided:
            first.append(bytes)
            return
        case .http1: becomeHTTP1(on: loop)
        case .http2: becomeHTTP2(on: loop)
        }
        if !first.isEmpty {
            let first = first
            self.first = []
            speaker?.received(first.span, on: loop)
        }
        speaker?.received(bytes, on: loop)
    }

    func receivedEnd(on loop: isolated EventLoop) {
        guard let speaker else { return transport.close(on: loop) }
        speaker.receivedEnd(on: loop)
    }

    func writable(on loop: isolated EventLoop) { speaker?.writable(on: loop) }

    func closed(on loop: isolated EventLoop) {
        if let timer { loop.cancel(timer) }
        timer = nil
        let state = state
        switch state {
        case .undecided:
            info.place?.release()
            self.state = .closed
            whenOver(self)
        case .http1(let connection): connection.closed(on: loop)
        case .http2(let connection):
            connection.closed(on: loop)
            waitForWork(of: connection, on: loop)
        case .closed: break
        }
    }

    // MARK: Deciding

    private func becomeHTTP1(on loop: isolated EventLoop) {
        decided(on: loop)
        state = .http1(
            HTTP1Connection(service, info, over: transport, on: loop) { [weak self] in
                guard let self else { return }
                state = .closed
                whenOver(self)
            })
    }

    private func becomeHTTP2(on loop: isolated EventLoop) {
        decided(on: loop)
        state = .http2(
            HTTP2Connection(
                over: transport, http2, peer: info.peerText, isSecure: info.isSecure, place: info.place,
                service: service, on: loop))
    }

    private func decided(on loop: isolated EventLoop) {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    /// Requests whose clients are gone are cancelled; they are over when their tasks have ended.
    private func waitForWork(of connection: HTTP2Connection, on loop: isolated EventLoop) {
        guard connection.isWorking else {
            state = .closed
            return whenOver(self)
        }
        _ = loop.schedule(after: 5) { self.waitForWork(of: connection, on: loop) }
    }

    // MARK: Stopping

    /// Lets what is in hand finish, then closes.
    func stop(on loop: isolated EventLoop) {
        switch state {
        case .undecided: transport.close(on: loop)
        case .http1(let connection): connection.stop(on: loop)
        case .http2(let connection): connection.beginShutdown(on: loop)
        case .closed: break
        }
    }

    func close(on loop: isolated EventLoop) { transport.close(on: loop) }
}
