/// Where the bytes of a connection go: a socket, TLS over one, or memory in tests. It belongs to one loop.
package protocol ByteTransport: AnyObject {
    /// Whether more may be sent now. If not, ``ByteProtocol/writable(on:)`` comes later.
    var isWritable: Bool { get }

    /// Sends bytes; what the socket does not take at once is queued.
    func send(_ bytes: [UInt8], on loop: isolated EventLoop)

    /// Sends pieces one after the other, as one.
    func send(pieces: [ArraySlice<UInt8>], on loop: isolated EventLoop)

    /// Sends what is queued, then ends the sending side (FIN; close_notify under TLS). Receiving goes on.
    func finishSending(on loop: isolated EventLoop)

    /// Stops and starts receiving: while paused nothing is read from the socket, so the peer is held back.
    func pauseReceiving(on loop: isolated EventLoop)
    func resumeReceiving(on loop: isolated EventLoop)

    /// Whether all that was sent is with the system: closing loses nothing of it.
    var isDrained: Bool { get }

    /// What the system said when the connection broke; nil as long as it has not.
    var failure: SystemError? { get }

    /// Closes as soon as all that was sent is with the system, at once if it is; nothing is received meanwhile, and
    /// ``ByteProtocol/closed(on:)`` comes when it has happened. A peer that takes nothing keeps it open: the caller has
    /// a timer for that.
    func closeWhenSent(on loop: isolated EventLoop)

    /// Has the system give up a peer that acknowledges nothing for so long (TCP_USER_TIMEOUT), where it can.
    func limitUnacknowledged(milliseconds: Int, on loop: isolated EventLoop)

    /// Closes at once; ``ByteProtocol/closed(on:)`` is called before this returns.
    func close(on loop: isolated EventLoop)
}

extension ByteTransport {
    package var failure: SystemError? { nil }

    package func send(pieces: [ArraySlice<UInt8>], on loop: isolated EventLoop) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
        for piece in pieces { bytes += piece }
        send(bytes, on: loop)
    }
}

/// What is spoken over a ``ByteTransport``. All of it is called on the transport's loop.
package protocol ByteProtocol: AnyObject {
    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop)

    /// The peer sends no more. One that has nothing to say any more closes.
    func receivedEnd(on loop: isolated EventLoop)

    /// What was queued is on its way, after ``ByteTransport/isWritable`` was false.
    func writable(on loop: isolated EventLoop)

    /// The transport is closed. The last call.
    func closed(on loop: isolated EventLoop)
}
