import Primitives
import Transport

/// Serves a connection that has become a WebSocket (RFC 6455): frames, control frames, the closing handshake, pings.
///
/// Bounds of memory: ``fullQueue`` messages or bytes and one message more wait for a receiver, then nothing is decoded
/// and the socket is not read. Of what the client wants to be answered, one pong waits while it does not read.
final class WebSocketHandler: ByteProtocol {
    private static let fullQueue = (messages: 16, bytes: 64 * 1024)

    /// Milliseconds.
    private let pingInterval: UInt64
    /// How long an orderly end may take.
    private let patience: UInt64
    /// Called when `run` has to end.
    private let cancelRun: () -> Void

    private var transport: (any ByteTransport)?
    private var reader: WebSocketFrameReader
    private var life = WebSocketLife()

    private var queue: [WebSocketMessage] = []
    private var queuedBytes = 0
    private var receiver: (number: Int, continuation: CheckedContinuation<WebSocketMessage?, any Error>)?
    private var receiverCount = 0
    /// It took a message and has not come back for another one.
    private var receiverIsBusy = false
    private let sent = LoopSignal()

    private var heard = false
    private var wasPaused = false
    private var isPaused = false
    private var waitingPong: [UInt8]?
    private var pingTimer: EventLoop.Timer?
    private var endTimer: EventLoop.Timer?

    init(
        _ upgrade: WebSocketUpgrade, patience: UInt64, over transport: any ByteTransport,
        cancelRun: @escaping () -> Void
    ) {
        pingInterval = max(upgrade.pingInterval.timerMilliseconds, 1)
        reader = WebSocketFrameReader(maxMessageSize: upgrade.maxMessageSize)
        self.patience = patience
        self.transport = transport
        self.cancelRun = cancelRun
    }

    /// The handshake is through.
    /// - Parameter early: what the client sent together with it.
    func begin(_ early: [UInt8], on loop: isolated EventLoop) {
        // While nobody receives, and so nothing is read, pongs are not seen: it is for the system to notice a client
        // that acknowledges nothing.
        let limit = pingInterval.multipliedReportingOverflow(by: 2)
        transport?.limitUnacknowledged(
            milliseconds: Int(max(1000, min(limit.overflow ? .max : limit.partialValue, UInt64(Int32.max)))), on: loop)
        reader.append(early.span)
        schedulePing(on: loop)
        decode(on: loop)
    }

    // MARK: What `run` asks

    func receive(on loop: isolated EventLoop) async throws -> WebSocketMessage? {
        receiverIsBusy = false
        if let message = takeQueued(on: loop) { return message }
        receiverCount += 1
        let number = receiverCount
        let bound = LoopBound(self, on: loop)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // The loop may have had a turn since the queue was looked at.
                if let message = takeQueued(on: loop) { return continuation.resume(returning: message) }
                receiver?.continuation.resume(throwing: WebSocketFailure.closed)
                receiver = (number, continuation)
                if Task.isCancelled { cancel(number) }
                settle(on: loop)
            }
        } onCancel: {
            Task(executorPreference: bound.loop.executor) {
                await bound.loop.run { loop in bound.get(on: loop).cancel(number) }
            }
        }
    }

    private func takeQueued(on loop: isolated EventLoop) -> WebSocketMessage? {
        guard !queue.isEmpty else { return nil }
        let message = queue.removeFirst()
        queuedBytes -= message.byteCount
        receiverIsBusy = true
        decode(on: loop)
        return message
    }

    /// Nothing happens where it has been answered already.
    private func cancel(_ number: Int) {
        guard let receiver, receiver.number == number else { return }
        self.receiver = nil
        if let ending = life.ending {
            receiver.continuation.resume(with: ending.mapError { $0 })
        } else {
            receiver.continuation.resume(throwing: CancellationError())
        }
    }

    func send(_ frame: [UInt8], on loop: isolated EventLoop) async throws {
        guard life.ending == nil, let transport else { throw WebSocketFailure.closed }
        transport.send(frame, on: loop)
        try await sent.wait(on: loop) { self.transport?.isWritable == false }
        if self.transport == nil { throw WebSocketFailure.closed }
    }

    func runEnded(_ close: WebSocketClose, on loop: isolated EventLoop) { tell(.runEnded(close), on: loop) }

    // MARK: What the connection tells

    func shutDown(on loop: isolated EventLoop) { tell(.shutdown, on: loop) }

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        heard = true
        reader.append(bytes)
        decode(on: loop)
    }

    func receivedEnd(on loop: isolated EventLoop) { tell(.inputEnded, on: loop) }

    func writable(on loop: isolated EventLoop) {
        // What waited went out: somebody takes it.
        heard = true
        if let pong = waitingPong {
            waitingPong = nil
            write(WebSocketFrame.control(.pong, pong), on: loop)
        }
        sent.wake()
    }

    func closed(on loop: isolated EventLoop) {
        transport = nil
        if let pingTimer { loop.cancel(pingTimer) }
        if let endTimer { loop.cancel(endTimer) }
        tell(.inputEnded, on: loop)
        cancelRun()
        sent.wake()
    }
}

extension WebSocketHandler {
    private var isFull: Bool {
        queue.count >= Self.fullQueue.messages || queuedBytes >= Self.fullQueue.bytes
    }

    private func decode(on loop: isolated EventLoop) {
        while !isFull, let event = reader.next() {
            switch event {
            case .message(let message): deliver(message)
            case .ping(let payload): pong(payload, on: loop)
            case .pong: break
            case .close(let code): perform(life.handle(.clientClosed(code)), on: loop)
            case .violation(let close): perform(life.handle(.violation(close)), on: loop)
            case .badClose(let close): perform(life.handle(.closedBadly(close)), on: loop)
            }
        }
        settle(on: loop)
        settleReceiving(on: loop)
    }

    private func settleReceiving(on loop: isolated EventLoop) {
        guard isFull != isPaused else { return }
        isPaused = isFull
        if isPaused { transport?.pauseReceiving(on: loop) } else { transport?.resumeReceiving(on: loop) }
        wasPaused = true
    }

    private func deliver(_ message: WebSocketMessage) {
        // After a close of ours nobody receives.
        guard life.ending == nil else { return }
        if let receiver {
            self.receiver = nil
            receiverIsBusy = true
            receiver.continuation.resume(returning: message)
        } else {
            queue.append(message)
            queuedBytes += message.byteCount
        }
    }

    private func pong(_ payload: [UInt8], on loop: isolated EventLoop) {
        guard life.ending == nil, let transport else { return }
        // Only the last ping of several needs an answer (RFC 6455 5.5.3), so a client that does not read piles up none.
        if transport.isWritable {
            write(WebSocketFrame.control(.pong, payload), on: loop)
        } else {
            waitingPong = payload
        }
    }

    private func tell(_ event: WebSocketLife.Event, on loop: isolated EventLoop) {
        // What came before the end of the input may hold the client's close.
        if case .inputEnded = event { decode(on: loop) }
        perform(life.handle(event), on: loop)
        settle(on: loop)
    }

    /// Answers a receiver that waits for what cannot come any more.
    private func settle(on loop: isolated EventLoop) {
        guard let ending = life.ending, queue.isEmpty else { return }
        if let receiver {
            self.receiver = nil
            receiver.continuation.resume(with: ending.mapError { $0 })
        }
        if !receiverIsBusy { perform(life.handle(.drained), on: loop) }
    }

    private func perform(_ actions: [WebSocketLife.Action], on loop: isolated EventLoop) {
        for action in actions {
            switch action {
            case .ping: ping(on: loop)
            case .sendClose(let close): write(WebSocketFrame.close(close), on: loop)
            case .forgetInput: forgetInput(on: loop)
            case .cancelRun: cancelRun()
            case .startTimer: startEndTimer(on: loop)
            case .closeConnection: transport?.closeWhenSent(on: loop)
            case .closeConnectionNow: transport?.close(on: loop)
            }
        }
    }

    private func ping(on loop: isolated EventLoop) {
        // One that cannot be written would only wait behind what the client does not read.
        if transport?.isWritable == true { write(WebSocketFrame.control(.ping), on: loop) }
        schedulePing(on: loop)
    }

    private func schedulePing(on loop: isolated EventLoop) {
        guard transport != nil else { return }
        pingTimer = loop.schedule(after: pingInterval) { [weak self] in self?.intervalOver(on: loop) }
    }

    private func intervalOver(on loop: isolated EventLoop) {
        let wasHeard = heard || wasPaused || isFull
        heard = false
        wasPaused = false
        tell(.interval(heard: wasHeard), on: loop)
    }

    private func startEndTimer(on loop: isolated EventLoop) {
        if let pingTimer { loop.cancel(pingTimer) }
        guard transport != nil, endTimer == nil else { return }
        endTimer = loop.schedule(after: patience) { [weak self] in self?.tell(.timeUp, on: loop) }
    }

    private func forgetInput(on loop: isolated EventLoop) {
        queue = []
        queuedBytes = 0
        receiverIsBusy = false
        waitingPong = nil
        reader.lookForCloseOnly()
        decode(on: loop)
    }

    private func write(_ frame: [UInt8], on loop: isolated EventLoop) { transport?.send(frame, on: loop) }
}
