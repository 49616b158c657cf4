import Primitives

/// TLS between a transport and what is spoken.
///
/// It is the ``ByteProtocol`` of the transport below. When the handshake is over, it is told to a closure, which makes
/// what is spoken; from then on it is a ``ByteTransport`` for that.
package final class TLSTransport: ByteTransport, ByteProtocol {
    /// - Parameter result: what ALPN chose, or why there is no connection; it is closed then.
    /// - Returns: what is spoken; `nil` closes.
    package typealias HandshakeEnd = (TLSTransport, _ result: Result<String?, TLSFailure>) -> (any ByteProtocol)?

    private let session: TLSSession
    private let below: any ByteTransport
    private var state = State.handshake
    private var whenOver: HandshakeEnd?
    private var timer: EventLoop.Timer?
    private var speaker: (any ByteProtocol)?
    private var isPaused = false
    private var isReading = false
    /// The peer has said that it sends no more.
    private var hasReceivedEnd = false

    private enum State {
        case handshake
        case open
        case closed
    }

    /// Begins the handshake. It must be the protocol of `below` when this has returned.
    /// - Parameter limit: for the handshake.
    package init(
        _ session: TLSSession, over below: any ByteTransport, limit: Duration, on loop: isolated EventLoop,
        handshakeEnd: @escaping HandshakeEnd
    ) {
        self.session = session
        self.below = below
        whenOver = handshakeEnd
        timer = loop.schedule(after: limit.timerMilliseconds) { [unowned self] in
            timer = nil
            fail(TLSFailure(description: "the handshake took too long"), on: loop)
        }
        // A client speaks first.
        shakeHands(on: loop)
    }

    /// The certificate of the peer in DER; `nil` when it has shown none.
    package var peerCertificate: [UInt8]? { session.peerCertificate }

    /// When the peer's certificate ends, in Unix seconds.
    package var peerCertificateEnd: Int? { session.peerCertificateEnd }

    // MARK: ByteProtocol of the transport below

    package func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        session.receive(bytes)
        if state == .handshake { shakeHands(on: loop) }
        read(on: loop)
    }

    /// An end that the peer has not announced may be an attacker's, or that of a peer that was killed.
    package func receivedEnd(on loop: isolated EventLoop) {
        if !hasReceivedEnd { close(on: loop) }
    }

    package func writable(on loop: isolated EventLoop) { speaker?.writable(on: loop) }

    package func closed(on loop: isolated EventLoop) {
        guard state != .closed else { return }
        endHandshake(.failure(TLSFailure(description: "the connection ended")), on: loop)
        state = .closed
        let speaker = speaker
        self.speaker = nil
        speaker?.closed(on: loop)
    }

    // MARK: Handshake

    private func shakeHands(on loop: isolated EventLoop) {
        let step = session.shakeHands()
        flush(on: loop)
        switch step {
        case .incomplete: break
        case .failed(let failure): fail(failure, on: loop)
        case .complete:
            guard state == .handshake else { return }
            state = .open
            guard let made = endHandshake(.success(session.applicationProtocol), on: loop) else {
                return close(on: loop)
            }
            if state == .closed { made.closed(on: loop) } else { speaker = made }
        }
    }

    @discardableResult
    private func endHandshake(
        _ result: Result<String?, TLSFailure>, on loop: isolated EventLoop
    ) -> (any ByteProtocol)? {
        if let timer { loop.cancel(timer) }
        timer = nil
        let whenOver = whenOver
        self.whenOver = nil
        return whenOver?(self, result)
    }

    private func fail(_ failure: TLSFailure, on loop: isolated EventLoop) {
        guard state != .closed else { return }
        endHandshake(.failure(failure), on: loop)
        close(on: loop)
    }

    // MARK: Reading

    private func read(on loop: isolated EventLoop) {
        // What is spoken may pause and resume while it receives.
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        while state == .open, !isPaused, !hasReceivedEnd {
            let result = session.read()
            // Such as answers to key updates, and alerts.
            flush(on: loop)
            switch result {
            case .bytes(let bytes): speaker?.received(bytes.span, on: loop)
            case .incomplete: return
            case .failed(let failure): return fail(failure, on: loop)
            case .ended:
                hasReceivedEnd = true
                speaker?.receivedEnd(on: loop)
            }
        }
    }

    package func pauseReceiving(on loop: isolated EventLoop) {
        guard !isPaused, state != .closed else { return }
        isPaused = true
        below.pauseReceiving(on: loop)
    }

    package func resumeReceiving(on loop: isolated EventLoop) {
        guard isPaused, state != .closed else { return }
        isPaused = false
        below.resumeReceiving(on: loop)
        // What was decrypted before waits in the session.
        loop.atEndOfTurn { self.read(on: loop) }
    }

    // MARK: Writing

    package var isWritable: Bool { state == .open && below.isWritable }
    package var isDrained: Bool { below.isDrained }

    package func send(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard state == .open else { return }
        // The session takes all: nothing in it waits for the peer.
        let step = session.write(bytes[...])
        flush(on: loop)
        if case .failed(let failure) = step { fail(failure, on: loop) }
    }

    private func flush(on loop: isolated EventLoop) {
        let bytes = session.output()
        if !bytes.isEmpty { below.send(bytes, on: loop) }
    }

    package func finishSending(on loop: isolated EventLoop) {
        guard state == .open else { return }
        session.endSending()
        flush(on: loop)
        below.finishSending(on: loop)
    }

    package func limitUnacknowledged(milliseconds: Int, on loop: isolated EventLoop) {
        below.limitUnacknowledged(milliseconds: milliseconds, on: loop)
    }

    // MARK: Closing

    package func closeWhenSent(on loop: isolated EventLoop) {
        guard state == .open else { return close(on: loop) }
        session.endSending()
        flush(on: loop)
        isPaused = true
        below.closeWhenSent(on: loop)
    }

    package func close(on loop: isolated EventLoop) {
        guard state != .closed else { return }
        session.endSending()
        flush(on: loop)
        // Calls `closed`, which tells what is spoken.
        below.close(on: loop)
    }
}
