package import Transport

/// Two ends of a connection in memory: what one sends the other receives in the next turns of the loop, in pieces of a
/// size that the test chooses.
package final class PipeTransport: ByteTransport {
    private var peer: PipeTransport?
    private var speaker: (any ByteProtocol)?
    private var inbox: [UInt8] = []
    private var hasPeerFinished = false
    private var isPaused = false
    private var isClosed = false
    private var willDeliver = false
    private var wasFull = false
    /// Bytes that are delivered at once.
    package let pieceSize: Int

    private static let highMark = 256 << 10

    private init(pieceSize: Int) {
        self.pieceSize = pieceSize
    }

    package static func pair(pieceSize: Int = 16 << 10) -> (PipeTransport, PipeTransport) {
        let (a, b) = (PipeTransport(pieceSize: pieceSize), PipeTransport(pieceSize: pieceSize))
        (a.peer, b.peer) = (b, a)
        return (a, b)
    }

    package func attach(_ speaker: any ByteProtocol, on loop: isolated EventLoop) {
        self.speaker = speaker
        deliverLater(on: loop)
    }

    package var isWritable: Bool { !isClosed && (peer?.inbox.count ?? 0) < Self.highMark }
    package var isDrained: Bool { peer?.inbox.isEmpty ?? true }

    package func send(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard !isClosed, let peer else { return }
        peer.inbox += bytes
        if !isWritable { wasFull = true }
        peer.deliverLater(on: loop)
    }

    package func finishSending(on loop: isolated EventLoop) {
        peer?.hasPeerFinished = true
        peer?.deliverLater(on: loop)
    }

    package func pauseReceiving(on loop: isolated EventLoop) { isPaused = true }

    package func resumeReceiving(on loop: isolated EventLoop) {
        isPaused = false
        deliverLater(on: loop)
    }

    package func closeWhenSent(on loop: isolated EventLoop) {
        finishSending(on: loop)
        close(on: loop)
    }

    package func limitUnacknowledged(milliseconds: Int, on loop: isolated EventLoop) {}

    package func close(on loop: isolated EventLoop) {
        guard !isClosed else { return }
        isClosed = true
        peer?.hasPeerFinished = true
        peer?.deliverLater(on: loop)
        peer?.peer = nil
        peer = nil
        let speaker = speaker
        self.speaker = nil
        speaker?.closed(on: loop)
    }

    private func deliverLater(on loop: isolated EventLoop) {
        guard !willDeliver, !isClosed else { return }
        willDeliver = true
        // A turn of its own, so that what was received is answered before more comes.
        _ = loop.schedule(after: 0) { [self] in
            willDeliver = false
            deliver(on: loop)
        }
    }

    private func deliver(on loop: isolated EventLoop) {
        guard !isPaused, !isClosed, let speaker else { return }
        if inbox.isEmpty {
            guard hasPeerFinished else { return }
            hasPeerFinished = false
            return speaker.receivedEnd(on: loop)
        }
        let piece = Array(inbox.prefix(pieceSize))
        inbox.removeFirst(piece.count)
        speaker.received(piece.span, on: loop)
        if let peer, peer.wasFull, peer.isWritable {
            peer.wasFull = false
            peer.speaker?.writable(on: loop)
        }
        if !inbox.isEmpty || hasPeerFinished { deliverLater(on: loop) }
    }
}
