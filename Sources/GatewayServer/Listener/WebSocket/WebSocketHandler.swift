import MCPServer
import NIOCore

/// Serves a connection that has become a WebSocket (RFC 6455): frames, control frames, the closing handshake, pings.
/// Stands where the bytes come in; nothing passes it on to the handlers behind it, which belonged to HTTP.
///
/// Bounds of memory: ``fullQueue`` messages or bytes and one message more wait for a receiver, then nothing is decoded
/// and the socket is not read. Of what the client wants to be answered, one pong waits while it does not read.
final class WebSocketHandler: ChannelInboundHandler, ChannelOutboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let fullQueue = (messages: 16, bytes: 64 * 1024)

    private let pingInterval: TimeAmount
    /// How long an orderly end may take.
    private let patience: TimeAmount
    /// Succeeds when `run` has to end.
    private let gone: EventLoopPromise<Void>

    private var context: ChannelHandlerContext?
    private var reader: WebSocketFrameReader
    private var life = WebSocketLife()
    private var hasBegun = false
    private var inputEndedEarly = false

    private var queue = CircularBuffer<WebSocketMessage>()
    private var queuedBytes = 0
    private var receiver: WebSocketReceiver?
    /// It took a message and has not come back for another one.
    private var receiverIsBusy = false

    private var heard = false
    private var wasPaused = false
    private var waitingPong: [UInt8]?
    private var lastClose: EventLoopFuture<Void>?
    private var pingTimer: Scheduled<Void>?
    private var endTimer: Scheduled<Void>?

    init(_ upgrade: WebSocketUpgrade, patience: TimeAmount, gone: EventLoopPromise<Void>) {
        pingInterval = TimeAmount(upgrade.pingInterval)
        reader = WebSocketFrameReader(maxMessageSize: upgrade.maxMessageSize)
        self.patience = patience
        self.gone = gone
    }

    // MARK: What the other task asks

    /// The handshake is through.
    /// - Parameter early: what the client sent together with it.
    func begin(_ early: [ByteBuffer]) {
        hasBegun = true
        let later = reader.takeUndecoded()
        early.forEach { reader.append($0) }
        reader.append(later)
        schedulePing()
        decode()
        if inputEndedEarly { tell(.inputEnded) }
        readMore()
    }

    func receive(_ receiver: WebSocketReceiver) {
        guard !receiver.isCancelled else { return }
        receiverIsBusy = false
        if let message = queue.popFirst() {
            queuedBytes -= message.byteCount
            receiverIsBusy = true
            receiver.promise.succeed(message)
            decode()
            return readMore()
        }
        self.receiver?.promise.fail(WebSocketFailure.closed)
        self.receiver = receiver
        settle()
    }

    func cancel(_ receiver: WebSocketReceiver) {
        receiver.isCancelled = true
        if self.receiver === receiver { self.receiver = nil }
        // Nothing happens where it has been answered already.
        if queue.isEmpty, let ending = life.ending {
            receiver.promise.completeWith(ending.mapError { $0 })
        } else {
            receiver.promise.fail(CancellationError())
        }
    }

    func send(_ frame: ByteBuffer, _ promise: EventLoopPromise<Void>) {
        guard life.ending == nil, let context else { return promise.fail(WebSocketFailure.closed) }
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }

    func shutDown() { tell(.shutdown) }

    func runEnded(_ close: WebSocketClose) { tell(.runEnded(close)) }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        pingTimer?.cancel()
        endTimer?.cancel()
        tell(.inputEnded)
        gone.succeed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heard = true
        reader.append(unwrapInboundIn(data))
        if hasBegun { decode() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        readMore()
        context.fireChannelReadComplete()
    }

    /// The handlers of HTTP may not want more, or want more than is good: it is decided here alone.
    func read(context: ChannelHandlerContext) {}

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            // What waited went out: somebody takes it.
            heard = true
            if let pong = waitingPong {
                waitingPong = nil
                write(WebSocketFrame.control(.pong, pong))
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { return tell(.shutdown) }
        if (event as? ChannelEvent) == .inputClosed {
            if hasBegun { tell(.inputEnded) } else { inputEndedEarly = true }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tell(.inputEnded)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tell(.inputEnded)
        context.close(promise: nil)
    }
}

extension WebSocketHandler {
    private var isFull: Bool {
        queue.count >= Self.fullQueue.messages || queuedBytes >= Self.fullQueue.bytes
    }

    private func readMore() {
        guard hasBegun, let context else { return }
        guard isFull else { return context.read() }
        wasPaused = true
    }

    private func decode() {
        while !isFull, let event = reader.next() {
            switch event {
            case .message(let message): deliver(message)
            case .ping(let payload): pong(payload)
            case .pong: break
            case .close(let code): perform(life.handle(.clientClosed(code)))
            case .violation(let close): perform(life.handle(.violation(close)))
            }
        }
        settle()
    }

    private func deliver(_ message: WebSocketMessage) {
        // After a close of ours nobody receives.
        guard life.ending == nil else { return }
        if let receiver {
            self.receiver = nil
            receiverIsBusy = true
            receiver.promise.succeed(message)
        } else {
            queue.append(message)
            queuedBytes += message.byteCount
        }
    }

    private func pong(_ payload: [UInt8]) {
        guard life.ending == nil, let context else { return }
        // Only the last ping of several needs an answer (RFC 6455 5.5.3), so a client that does not read piles up none.
        if context.channel.isWritable { write(WebSocketFrame.control(.pong, payload)) } else { waitingPong = payload }
    }

    private func tell(_ event: WebSocketLife.Event) {
        // What came before the end of the input may hold the client's close.
        if case .inputEnded = event, hasBegun { decode() }
        perform(life.handle(event))
        settle()
    }

    /// Answers a receiver that waits for what cannot come any more.
    private func settle() {
        guard let ending = life.ending, queue.isEmpty else { return }
        if let receiver {
            self.receiver = nil
            receiver.promise.completeWith(ending.mapError { $0 })
        }
        if !receiverIsBusy { perform(life.handle(.drained)) }
    }

    private func perform(_ actions: [WebSocketLife.Action]) {
        for action in actions {
            switch action {
            case .ping: ping()
            case .sendClose(let close): lastClose = write(WebSocketFrame.close(close))
            case .forgetInput: forgetInput()
            case .cancelRun: gone.succeed()
            case .startTimer: startEndTimer()
            case .closeConnection: closeAfterWriting()
            case .closeConnectionNow: context?.close(promise: nil)
            }
        }
    }

    private func ping() {
        guard let context else { return }
        // One that cannot be written would only wait behind what the client does not read.
        if context.channel.isWritable { write(WebSocketFrame.control(.ping)) }
        schedulePing()
    }

    private func schedulePing() {
        guard let context else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        pingTimer = context.eventLoop.scheduleTask(in: pingInterval) {
            let handler = bound.value
            let heard = handler.heard || handler.wasPaused || handler.isFull
            handler.heard = false
            handler.wasPaused = false
            handler.tell(.interval(heard: heard))
        }
    }

    private func startEndTimer() {
        pingTimer?.cancel()
        guard let context, endTimer == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        endTimer = context.eventLoop.scheduleTask(in: patience) { bound.value.tell(.timeUp) }
    }

    private func forgetInput() {
        queue.removeAll()
        queuedBytes = 0
        receiverIsBusy = false
        waitingPong = nil
        reader.lookForCloseOnly()
        decode()
        readMore()
    }

    private func closeAfterWriting() {
        guard let context else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let written = lastClose ?? context.eventLoop.makeSucceededVoidFuture()
        written.whenComplete { _ in bound.value.close(promise: nil) }
    }

    @discardableResult
    private func write(_ frame: ByteBuffer) -> EventLoopFuture<Void>? {
        guard let context, context.channel.isActive else { return nil }
        return context.writeAndFlush(wrapOutboundOut(frame))
    }
}
