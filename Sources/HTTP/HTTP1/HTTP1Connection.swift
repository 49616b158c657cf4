import Primitives
import Transport

/// A connection that speaks HTTP/1: requests one after another, each answered through the one entry. What is answered
/// in a turn of the loop goes out in one write.
///
/// Bounds of memory: one head, the bytes of a body up to ``ListenerLimits/unreadBody`` and what one read brings, the
/// bytes behind a request up to ``ListenerLimits/pipelined``; above them nothing is received. Of answers, what the
/// transport takes before it says that it is full.
final class HTTP1Connection: ByteProtocol, TurnEnding {
    enum Phase {
        case serving
        /// The last answer is on its way; what still comes is skipped, up to so many bytes.
        case lingering(left: Int, since: UInt64)
        /// Closed as soon as everything is sent.
        case closing(since: UInt64)
        case webSocket(WebSocketHandler)
        /// What is spoken is no matter of ours.
        case switched(any ByteProtocol)
    }

    let service: HTTPService
    let info: ConnectionInfo
    var transport: (any ByteTransport)?
    private let whenOver: () -> Void
    /// Requests whose tasks have not ended.
    private var working = 0

    private var reader: HTTP1RequestReader
    /// What came behind the request that is being answered, from ``pendingStart`` on.
    private var pending: [UInt8] = []
    private var pendingStart = 0
    var exchange: HTTP1Exchange?
    var task: Task<Void, Never>?
    var presence = ClientPresence()
    var phase = Phase.serving
    /// Where the next request begins is not known.
    private(set) var isBroken = false
    private(set) var isStopping = false

    var output: [UInt8] = []
    var willFlush = false
    let sent = LoopSignal()

    var lastHeard: UInt64
    var headBegan: UInt64?
    var isPaused = false
    var timer: (token: EventLoop.Timer, deadline: UInt64)?
    private var graceTimer: EventLoop.Timer?

    /// - Parameter whenOver: called once, when the transport is closed and no request is worked at any more.
    init(
        _ service: HTTPService, _ info: ConnectionInfo, over transport: any ByteTransport,
        on loop: isolated EventLoop, whenOver: @escaping () -> Void = {}
    ) {
        self.service = service
        self.info = info
        self.transport = transport
        self.whenOver = whenOver
        reader = HTTP1RequestReader(isSecure: info.isSecure, maximumHead: service.limits.maxHeaderSize)
        lastHeard = loop.now
        // Whoever takes nothing of an answer for so long has gone, or keeps the connection for nothing.
        transport.limitUnacknowledged(milliseconds: Int(clamping: limits.idle.timerMilliseconds), on: loop)
        settle(on: loop)
    }

    var limits: ListenerLimits { service.limits }
    var pendingCount: Int { pending.count - pendingStart }
    var isInsideHead: Bool { reader.isInsideHead }

    // MARK: What the transport tells

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        lastHeard = loop.now
        switch phase {
        case .webSocket(let socket): return socket.received(bytes, on: loop)
        case .switched(let speaker): return speaker.received(bytes, on: loop)
        case .lingering(let left, let since):
            phase = .lingering(left: left - bytes.count, since: since)
            if bytes.count > left { transport?.close(on: loop) }
            return
        case .closing: return
        case .serving: break
        }
        if pendingCount == 0, mayRead {
            var position = 0
            read(bytes, at: &position, on: loop)
            if position < bytes.count, keepsPending { pending.append(bytes.extracting(position...)) }
        } else if keepsPending {
            pending.append(bytes)
            readPending(on: loop)
        }
        settle(on: loop)
    }

    func receivedEnd(on loop: isolated EventLoop) {
        switch phase {
        case .webSocket(let socket): return socket.receivedEnd(on: loop)
        case .switched(let speaker): return speaker.receivedEnd(on: loop)
        case .lingering, .closing:
            transport?.closeWhenSent(on: loop)
            return
        case .serving: break
        }
        tell(.inputEnded, on: loop)
        guard let exchange else { return close(on: loop) }
        exchange.end(.broken)
        if exchange.toSkip != nil { close(on: loop) }
        settle(on: loop)
    }

    func writable(on loop: isolated EventLoop) {
        switch phase {
        case .webSocket(let socket): socket.writable(on: loop)
        case .switched(let speaker): speaker.writable(on: loop)
        case .serving, .lingering, .closing: sent.wake()
        }
    }

    func closed(on loop: isolated EventLoop) {
        transport = nil
        switch phase {
        case .webSocket(let socket): socket.closed(on: loop)
        case .switched(let speaker): speaker.closed(on: loop)
        case .serving, .lingering, .closing: break
        }
        phase = .closing(since: loop.now)
        _ = presence.handle(.connectionEnded)
        task?.cancel()
        exchange?.end(.broken)
        sent.wake()
        (pending, pendingStart, output) = ([], 0, [])
        if let timer { loop.cancel(timer.token) }
        if let graceTimer { loop.cancel(graceTimer) }
        info.place?.release()
        if working == 0 { whenOver() }
    }

    func workBegins() { working += 1 }

    func workEnded() {
        working -= 1
        if working == 0, transport == nil { whenOver() }
    }

    // MARK: Reading

    /// Whether what comes is read on: the body of the request in hand, or the next request once that is answered.
    private var mayRead: Bool {
        guard !isBroken, case .serving = phase else { return false }
        guard let exchange else { return true }
        if case .open = exchange.body { return true }
        return false
    }

    /// What nobody will look at is not kept.
    private var keepsPending: Bool {
        guard !isBroken, case .serving = phase else { return false }
        return exchange?.keepsAlive ?? true
    }

    private func read(_ bytes: Span<UInt8>, at position: inout Int, on loop: isolated EventLoop) {
        do throws(HTTP1Fault) {
            while mayRead, let event = try reader.next(in: bytes, at: &position) {
                switch event {
                case .head(let head): begin(head, on: loop)
                case .body(let range): receiveBody(bytes.extracting(range), on: loop)
                case .end: endBody(on: loop)
                }
            }
        } catch {
            fail(error, on: loop)
        }
    }

    /// Goes on with what came earlier.
    func readPending(on loop: isolated EventLoop) {
        guard pendingCount > 0, mayRead else { return }
        let bytes = pending
        pending = []
        var position = pendingStart
        read(bytes.span, at: &position, on: loop)
        guard position < bytes.count, keepsPending else { return pendingStart = 0 }
        // Moved only when as much was read as is left, so that each byte is moved about once.
        if position > bytes.count - position {
            (pending, pendingStart) = (Array(bytes[position...]), 0)
        } else {
            (pending, pendingStart) = (bytes, position)
        }
    }

    private func receiveBody(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        guard let exchange else { return }
        // Above the limit the answer has been seen, or will not be.
        if !exchange.receive(bytes) { return close(on: loop) }
        if service.isTooMuch(exchange.gathered) { transport?.close(on: loop) }
    }

    private func endBody(on loop: isolated EventLoop) {
        exchange?.end(.ended)
        if exchange?.toSkip != nil { exchange = nil }
    }

    /// What came cannot be understood. A request in hand learns of it by its body.
    private func fail(_ fault: HTTP1Fault, on loop: isolated EventLoop) {
        isBroken = true
        (pending, pendingStart) = ([], 0)
        if let exchange {
            exchange.end(.broken)
            if exchange.toSkip != nil { finish(on: loop) }
            return
        }
        refuse(fault.status)
        finish(on: loop)
    }

    /// The last answer.
    func refuse(_ status: HTTPResponse.Status) {
        HTTP1ResponseHead.encode(
            HTTPResponse(status: status), length: .fixed(0), connection: .ends, date: service.date.now, into: &output)
    }

    /// The head did not come in time.
    func failLate(on loop: isolated EventLoop) { fail(.timeout, on: loop) }

    // MARK: Ending

    /// Graceful: the request in hand is answered, nothing more is read.
    func stop(on loop: isolated EventLoop) {
        isStopping = true
        switch phase {
        case .webSocket(let socket): socket.shutDown(on: loop)
        case .switched: task?.cancel()
        case .lingering, .closing: transport?.closeWhenSent(on: loop)
        case .serving:
            guard let exchange, exchange.toSkip == nil else { return close(on: loop) }
            exchange.keepsAlive = false
        }
    }

    /// After the last answer.
    func finish(on loop: isolated EventLoop) {
        flush(on: loop)
        let isWhole = if case .ended? = exchange?.body { true } else { false }
        // Closing while the client sends resets the connection, and the reset can overtake the answer.
        if presence.inputHasEnded || isStopping || isWhole && pendingCount == 0 { return close(on: loop) }
        (pending, pendingStart) = ([], 0)
        phase = .lingering(left: limits.maxSkippedBody, since: loop.now)
        transport?.finishSending(on: loop)
        settle(on: loop)
    }

    /// Closes once everything is sent.
    func close(on loop: isolated EventLoop) {
        guard transport != nil else { return }
        flush(on: loop)
        if case .closing = phase { return }
        phase = .closing(since: loop.now)
        transport?.closeWhenSent(on: loop)
        settle(on: loop)
    }

    // MARK: Presence

    func tell(_ event: ClientPresence.Event, on loop: isolated EventLoop) {
        switch presence.handle(event) {
        case .none: break
        case .declareGone: transport?.close(on: loop)
        case .startGrace:
            graceTimer = loop.schedule(after: limits.halfClosed.timerMilliseconds) { [weak self] in
                guard let self else { return }
                graceTimer = nil
                tell(.graceOver(isWritable: transport?.isWritable ?? false), on: loop)
            }
        }
    }

    /// Whether the connection can become something else at the request in hand: it came whole, nothing came after it
    /// that was taken for HTTP, and its client is there.
    var mayUpgrade: Bool {
        guard transport != nil, case .ended? = exchange?.body else { return false }
        return !presence.inputHasEnded && !isBroken
    }

    func becomeWebSocket(_ socket: WebSocketHandler, on loop: isolated EventLoop) {
        socket.begin(handOver(to: .webSocket(socket), on: loop), on: loop)
        if isStopping { socket.shutDown(on: loop) }
    }

    func becomeOther(_ speaker: any ByteProtocol, on loop: isolated EventLoop) {
        let early = handOver(to: .switched(speaker), on: loop)
        if !early.isEmpty { speaker.received(early.span, on: loop) }
        if isStopping { task?.cancel() }
    }

    /// - Returns: what came behind the request.
    private func handOver(to next: Phase, on loop: isolated EventLoop) -> [UInt8] {
        let early = Array(pending[pendingStart...])
        (pending, pendingStart) = ([], 0)
        exchange = nil
        if let graceTimer { loop.cancel(graceTimer) }
        if isPaused { transport?.resumeReceiving(on: loop) }
        isPaused = false
        // There may be so many WebSockets and tunnels of their kinds.
        info.place?.release()
        phase = next
        settle(on: loop)
        return early
    }
}
