package import Transport

/// A transport in memory, for tests of what is spoken over one: what is sent is gathered, what the peer sends is told
/// by the test.
package final class MemoryTransport: ByteTransport {
    /// What was sent and not yet taken by ``takeSent()``.
    package private(set) var sent: [UInt8] = []
    package private(set) var isClosed = false
    package private(set) var hasFinishedSending = false
    package private(set) var isPaused = false
    /// Whether the peer takes more; set to false it stands for a full socket.
    package var isOpen = true

    /// What ``limitUnacknowledged(milliseconds:on:)`` was told last.
    package private(set) var unacknowledgedLimit: Int?
    private var closesWhenOpen = false

    /// What speaks over it, held until it is closed.
    package private(set) var speaker: (any ByteProtocol)?

    package init() {}

    package func attach(_ speaker: any ByteProtocol) { self.speaker = speaker }

    package var isWritable: Bool { !isClosed && isOpen }

    package func send(_ bytes: [UInt8], on loop: isolated EventLoop) {
        if !isClosed, !hasFinishedSending { sent += bytes }
    }

    package func finishSending(on loop: isolated EventLoop) { hasFinishedSending = true }

    package func pauseReceiving(on loop: isolated EventLoop) { isPaused = true }

    package func resumeReceiving(on loop: isolated EventLoop) { isPaused = false }

    package var isDrained: Bool { isOpen }

    package func closeWhenSent(on loop: isolated EventLoop) {
        if isOpen { close(on: loop) } else { closesWhenOpen = true }
    }

    package func limitUnacknowledged(milliseconds: Int, on loop: isolated EventLoop) {
        unacknowledgedLimit = milliseconds
    }

    package func close(on loop: isolated EventLoop) {
        guard !isClosed else { return }
        isClosed = true
        speaker?.closed(on: loop)
        speaker = nil
    }

    // MARK: The peer's side

    package func takeSent() -> [UInt8] {
        defer { sent = [] }
        return sent
    }

    /// The peer sends bytes. Nothing comes once the transport is closed.
    package func receive(_ bytes: [UInt8], on loop: isolated EventLoop) {
        if !bytes.isEmpty { speaker?.received(bytes.span, on: loop) }
    }

    package func receive(_ text: String, on loop: isolated EventLoop) { receive(Array(text.utf8), on: loop) }

    package func receiveEnd(on loop: isolated EventLoop) { speaker?.receivedEnd(on: loop) }

    /// The peer takes bytes again.
    package func becomeWritable(on loop: isolated EventLoop) {
        isOpen = true
        if closesWhenOpen { close(on: loop) }
        speaker?.writable(on: loop)
    }
}
