/// A connection for tasks, over any ``ByteTransport``: bytes in and out, each side held back by the other.
///
/// Whoever has it closes it. One task may receive while another one sends.
package final class ByteStream: Sendable {
    package enum Failure: Error, Sendable, Equatable {
        /// The connection is closed.
        case closed
        /// It broke, as the system says.
        case failed(SystemError)
    }

    private let core: LoopBound<ByteStreamCore>

    private init(_ core: ByteStreamCore, on loop: isolated EventLoop) {
        self.core = LoopBound(core, on: loop)
    }

    /// What is to speak over the transport, and the stream that it makes of it.
    package static func make(
        over transport: any ByteTransport, on loop: isolated EventLoop
    ) -> (speaker: any ByteProtocol, stream: ByteStream) {
        let core = ByteStreamCore(transport)
        return (core, ByteStream(core, on: loop))
    }

    /// The next bytes; `nil` once the peer has ended its side.
    /// - Throws: ``Failure``, `CancellationError`.
    package func receive() async throws -> [UInt8]? {
        try await wait { core, number, waiter, loop in core.receive(number, waiter, on: loop) }
    }

    /// Sends bytes, once the peer has taken most of the ones before.
    /// - Throws: ``Failure``, `CancellationError`; nothing was sent then.
    package func send(_ bytes: [UInt8]) async throws {
        _ = try await wait { core, number, waiter, loop in core.send(bytes, number, waiter, on: loop) }
    }

    /// Ends the sending side behind what was sent.
    package func finishSending() async {
        await core.loop.run { [core] loop in core.get(on: loop).finishSending(on: loop) }
    }

    /// Closes at once.
    package func close() async {
        await core.loop.run { [core] loop in core.get(on: loop).close(on: loop) }
    }

    typealias Waiter = CheckedContinuation<[UInt8]?, any Error>

    private func wait(
        _ body: @Sendable (ByteStreamCore, Int, Waiter, isolated EventLoop) -> Void
    ) async throws -> [UInt8]? {
        try await Self.wait(core, on: core.loop, body)
    }

    /// A cancellation finds who waits by the number, whenever it comes.
    private static func wait(
        _ bound: LoopBound<ByteStreamCore>, on loop: isolated EventLoop,
        _ body: @Sendable (ByteStreamCore, Int, Waiter, isolated EventLoop) -> Void
    ) async throws -> [UInt8]? {
        let core = bound.get(on: loop)
        let number = core.nextNumber()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                body(core, number, waiter, loop)
                // It may have come before there was anybody to find.
                if Task.isCancelled { core.cancel(number) }
            }
        } onCancel: {
            Task(executorPreference: loop.executor) {
                await loop.run { loop in bound.get(on: loop).cancel(number) }
            }
        }
    }
}

/// The loop's side of a ``ByteStream``.
final class ByteStreamCore: ByteProtocol {
    /// Bytes that wait for the reader before the peer is held back.
    private static let highMark = 64 << 10

    private var transport: (any ByteTransport)?
    private var failure = ByteStream.Failure.closed
    private var inbound: [[UInt8]] = []
    private var waitingBytes = 0
    private var isPaused = false
    private var hasEnded = false
    private var count = 0
    private var receivers: [(number: Int, waiter: ByteStream.Waiter)] = []
    private var senders: [(number: Int, bytes: [UInt8], waiter: ByteStream.Waiter)] = []

    init(_ transport: any ByteTransport) {
        self.transport = transport
    }

    // MARK: For the stream

    func nextNumber() -> Int {
        count += 1
        return count
    }

    func receive(_ number: Int, _ waiter: ByteStream.Waiter, on loop: isolated EventLoop) {
        receivers.append((number, waiter))
        deliver(on: loop)
    }

    func send(_ bytes: [UInt8], _ number: Int, _ waiter: ByteStream.Waiter, on loop: isolated EventLoop) {
        senders.append((number, bytes, waiter))
        writable(on: loop)
    }

    func finishSending(on loop: isolated EventLoop) { transport?.finishSending(on: loop) }

    func close(on loop: isolated EventLoop) { transport?.close(on: loop) }

    func cancel(_ number: Int) {
        if let place = receivers.firstIndex(where: { $0.number == number }) {
            receivers.remove(at: place).waiter.resume(throwing: CancellationError())
        } else if let place = senders.firstIndex(where: { $0.number == number }) {
            senders.remove(at: place).waiter.resume(throwing: CancellationError())
        }
    }

    // MARK: For the transport

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        var piece: [UInt8] = []
        piece.append(bytes)
        inbound.append(piece)
        waitingBytes += piece.count
        deliver(on: loop)
        if waitingBytes >= Self.highMark, !isPaused {
            isPaused = true
            transport?.pauseReceiving(on: loop)
        }
    }

    func receivedEnd(on loop: isolated EventLoop) {
        hasEnded = true
        deliver(on: loop)
    }

    func writable(on loop: isolated EventLoop) {
        while let transport, transport.isWritable, !senders.isEmpty {
            let (_, bytes, waiter) = senders.removeFirst()
            transport.send(bytes, on: loop)
            waiter.resume(returning: nil)
        }
        guard transport == nil else { return }
        for sender in senders { sender.waiter.resume(throwing: failure) }
        senders = []
    }

    func closed(on loop: isolated EventLoop) {
        if let error = transport?.failure { failure = .failed(error) }
        transport = nil
        deliver(on: loop)
        writable(on: loop)
    }

    private func deliver(on loop: isolated EventLoop) {
        while !receivers.isEmpty {
            if !inbound.isEmpty {
                let piece = inbound.removeFirst()
                waitingBytes -= piece.count
                receivers.removeFirst().waiter.resume(returning: piece)
            } else if hasEnded {
                receivers.removeFirst().waiter.resume(returning: nil)
            } else if transport == nil {
                receivers.removeFirst().waiter.resume(throwing: failure)
            } else {
                break
            }
        }
        if isPaused, waitingBytes < Self.highMark / 2 {
            isPaused = false
            transport?.resumeReceiving(on: loop)
        }
    }
}
