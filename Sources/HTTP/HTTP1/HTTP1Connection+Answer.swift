import Primitives
import Transport

/// A streamed body was longer or shorter than announced.
struct WrongBodyLength: Error {}

extension ByteStream: SwitchedConnection {}

extension HTTP1Connection {
    /// Above it, what is sent waits for no end of the turn, and is not gathered with other things.
    private static let largeWrite = 16 * 1024
    private static let gathered = 64 * 1024

    // MARK: One request

    func begin(_ head: HTTP1Head, on loop: isolated EventLoop) {
        let exchange = HTTP1Exchange(
            head, pace: BodyPace(grace: limits.bodyGrace.timerMilliseconds, rate: limits.minimumBodyRate),
            unread: service.unread, of: info.place)
        self.exchange = exchange
        tell(.requestRead, on: loop)
        let request = InboundRequest(
            head: head.request, id: RequestID.next(), client: ClientAddress(peer: info.peerText, real: nil),
            isSecure: info.isSecure, body: body(of: exchange, on: loop), place: info.place)
        // Queued, not immediate, because of the preference; which keeps default actors on the way on this thread.
        workBegins()
        task = Task.immediate(executorPreference: loop.executor) {
            let response = await service.entry(request)
            await answer(exchange, with: response, on: loop)
            workEnded()
        }
    }

    private func body(of exchange: HTTP1Exchange, on loop: isolated EventLoop) -> RequestBody {
        if case .ended = exchange.body { return .empty }
        return RequestBody(HTTP1Body(self, exchange, on: loop))
    }

    fileprivate func takeWhole(of exchange: HTTP1Exchange, on loop: isolated EventLoop) -> [UInt8]? {
        guard let whole = exchange.takeWhole() else { return nil }
        settle(on: loop)
        return whole
    }

    fileprivate func nextChunk(of exchange: HTTP1Exchange, on loop: isolated EventLoop) async throws -> [UInt8]? {
        if exchange.awaitsContinue {
            exchange.awaitsContinue = false
            send(HTTP1ResponseHead.interim, on: loop)
        }
        return try await exchange.next(waits: { settle(on: loop) }, on: loop)
    }

    private func answer(
        _ exchange: HTTP1Exchange, with response: OutboundResponse, on loop: isolated EventLoop
    ) async {
        // A client that still waits for its 100 will not send the body any more, so what comes next is not known.
        let isStillAwaited = exchange.awaitsContinue
        exchange.awaitsContinue = false
        if case .webSocket(let upgrade) = response.body, response.head.status == .switchingProtocols,
            let fields = WebSocketHandshake.fields(for: exchange.head.request)
        {
            var head = response.head
            for field in fields { head.headerFields[field.name] = field.value }
            return await serveWebSocket(upgrade, head, on: loop)
        }
        if case .switched(let other) = response.body, response.head.status == .switchingProtocols, !exchange.head.isOld
        {
            return await serveOther(other, response.head, on: loop)
        }
        // What speaks another protocol after its request may do so already.
        exchange.keepsAlive =
            exchange.keepsAlive && exchange.head.keepsAlive && canSkip(exchange, isStillAwaited)
            && !exchange.head.request.headerFields.contains(.upgrade)
        let isWhole: Bool
        if !sendWhole(response, of: exchange, on: loop) {
            isWhole = await write(response, of: exchange, on: loop)
        } else if hasRoom {
            isWhole = true
        } else {
            isWhole = (try? await room(on: loop)) != nil
        }
        answered(exchange, isWhole: isWhole, on: loop)
    }

    private func canSkip(_ exchange: HTTP1Exchange, _ isStillAwaited: Bool) -> Bool {
        switch exchange.body {
        case .ended: return true
        case .broken: return false
        case .open: break
        }
        if case .fixed(let length) = exchange.head.length, length > Int64(limits.maxSkippedBody) { return false }
        return !isStillAwaited && !presence.inputHasEnded
    }

    /// - Parameter isWhole: if not, it is by the end of the connection that the client learns of it.
    private func answered(_ exchange: HTTP1Exchange, isWhole: Bool, on loop: isolated EventLoop) {
        tell(.responseEnded, on: loop)
        task = nil
        // The next request has the whole time again, however long this one took.
        lastHeard = loop.now
        guard transport != nil else { return self.exchange = nil }
        guard isWhole else { return close(on: loop) }
        guard exchange.keepsAlive else { return finish(on: loop) }
        switch exchange.body {
        case .ended:
            self.exchange = nil
            readPending(on: loop)
            // What is not here does not come any more.
            if presence.inputHasEnded, case .open? = self.exchange?.body { self.exchange?.end(.broken) }
            if self.exchange == nil, presence.inputHasEnded || isStopping { return close(on: loop) }
        case .open: if !exchange.skipRest(upTo: limits.maxSkippedBody) { return finish(on: loop) }
        case .broken: return finish(on: loop)
        }
        settle(on: loop)
    }

    private func serveWebSocket(
        _ upgrade: WebSocketUpgrade, _ head: HTTPResponse, on loop: isolated EventLoop
    ) async {
        guard mayUpgrade, let transport else {
            await upgrade.runWithoutClient()
            if presence.inputHasEnded { refuse(.badRequest) }
            return close(on: loop)
        }
        HTTP1ResponseHead.encodeSwitch(head, into: &output)
        flush(on: loop)
        let handler = WebSocketHandler(
            upgrade, patience: limits.webSocketEnd.timerMilliseconds, over: transport,
            cancelRun: { [weak self] in self?.task?.cancel() })
        becomeWebSocket(handler, on: loop)
        let close = await upgrade.run(LoopWebSocket(handler, on: loop))
        handler.runEnded(close, on: loop)
    }

    private func serveOther(_ other: ProtocolSwitch, _ head: HTTPResponse, on loop: isolated EventLoop) async {
        guard mayUpgrade, let transport else {
            await other.runWithoutClient()
            return close(on: loop)
        }
        HTTP1ResponseHead.encodeSwitch(head, into: &output)
        flush(on: loop)
        let (speaker, stream) = ByteStream.make(over: transport, on: loop)
        // Who takes nothing that is sent has gone; who is silent may well be there.
        transport.limitUnacknowledged(milliseconds: Int(clamping: limits.idle.timerMilliseconds), on: loop)
        becomeOther(speaker, on: loop)
        await other.run(stream)
        close(on: loop)
    }

    // MARK: The answer

    /// Sends an answer that is there as a whole.
    /// - Returns: `false`, and nothing is sent, for one that is made while it is sent.
    private func sendWhole(
        _ response: OutboundResponse, of exchange: HTTP1Exchange, on loop: isolated EventLoop
    ) -> Bool {
        let isForHead = exchange.head.request.method == .head
        let hasNoBody = response.head.status.hasNoBody
        switch response.body {
        case .none:
            begin(response.head, isForHead || hasNoBody ? .none : .fixed(0), exchange, on: loop)
        case .bytes(let bytes):
            begin(response.head, hasNoBody ? .none : .fixed(Int64(bytes.count)), exchange, on: loop)
            if !isForHead, !hasNoBody { send(bytes, on: loop) }
        case .stream, .webSocket, .switched: return false
        }
        return true
    }

    /// An answer that ``sendWhole(_:of:on:)`` does not send.
    /// - Returns: whether all of it is written; if not, nothing may follow.
    private func write(
        _ response: OutboundResponse, of exchange: HTTP1Exchange, on loop: isolated EventLoop
    ) async -> Bool {
        switch response.body {
        case .none, .bytes: return false
        case .stream(let length, let produce):
            return await stream(response.head, length, produce, of: exchange, on: loop)
        case .webSocket(let upgrade):
            // Only what asked for a WebSocket can become one, and that does not come here.
            await upgrade.runWithoutClient()
        case .switched(let other): await other.runWithoutClient()
        }
        _ = sendWhole(.empty(.internalServerError), of: exchange, on: loop)
        return (try? await room(on: loop)) != nil
    }

    private func begin(
        _ head: HTTPResponse, _ length: HTTP1ResponseHead.Length, _ exchange: HTTP1Exchange, on loop: isolated EventLoop
    ) {
        tell(.responsePartWritten, on: loop)
        guard transport != nil else { return }
        let connection: HTTP1ResponseHead.Connection =
            !exchange.keepsAlive ? .ends : exchange.head.isOld ? .keepsAlive : .goesOn
        HTTP1ResponseHead.encode(head, length: length, connection: connection, date: service.date.now, into: &output)
        flushLater(on: loop)
    }

    private typealias Produce =
        @Sendable (_ write: @Sendable ([UInt8]) async throws -> Void) async throws -> Void

    /// Calls `produce` exactly once on every path, because it releases what it holds only when it is called.
    private func stream(
        _ head: HTTPResponse, _ length: Int64?, _ produce: Produce, of exchange: HTTP1Exchange,
        on loop: isolated EventLoop
    ) async -> Bool {
        let isForHead = exchange.head.request.method == .head
        guard transport != nil, !isForHead, !head.status.hasNoBody else {
            begin(head, length.map { .fixed($0) } ?? .none, exchange, on: loop)
            // Nothing of it is wanted; its first write ends it.
            try? await produce { _ in throw RequestBody.Failure.broken }
            return true
        }
        let framing: HTTP1ResponseHead.Length =
            if let length { .fixed(length) } else { exchange.head.isOld ? .untilEnd : .chunked }
        if framing == .untilEnd { exchange.keepsAlive = false }
        begin(head, framing, exchange, on: loop)
        let bound = LoopBound((self, exchange), on: loop)
        do {
            try await produce { chunk in
                try await bound.loop.run { loop in
                    let (connection, exchange) = bound.get(on: loop)
                    try await connection.write(chunk, framing, of: exchange, on: loop)
                }
            }
            if let length, exchange.written != length { throw WrongBodyLength() }
        } catch {
            return false
        }
        if framing == .chunked { send(Array("0\r\n\r\n".utf8), on: loop) }
        return (try? await room(on: loop)) != nil
    }

    private func write(
        _ chunk: [UInt8], _ framing: HTTP1ResponseHead.Length, of exchange: HTTP1Exchange, on loop: isolated EventLoop
    ) async throws {
        guard transport != nil else { throw RequestBody.Failure.broken }
        guard !chunk.isEmpty else { return }
        exchange.written += Int64(chunk.count)
        if case .fixed(let length) = framing, exchange.written > length { throw WrongBodyLength() }
        tell(.responsePartWritten, on: loop)
        if framing == .chunked { output += "\(String(chunk.count, radix: 16))\r\n".utf8 }
        send(chunk, on: loop)
        if framing == .chunked { send([0x0D, 0x0A], on: loop) }
        try await room(on: loop)
    }

    // MARK: Sending

    private var hasRoom: Bool { output.count < Self.gathered && transport?.isWritable == true }

    /// Waits until the client takes more.
    /// - Throws: when it has gone.
    private func room(on loop: isolated EventLoop) async throws {
        if output.count >= Self.gathered { flush(on: loop) }
        try await sent.wait(on: loop) { transport?.isWritable == false }
        if transport == nil { throw RequestBody.Failure.broken }
    }

    private func send(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard let transport else { return }
        if bytes.count < Self.largeWrite {
            output += bytes
            flushLater(on: loop)
        } else {
            flush(on: loop)
            transport.send(bytes, on: loop)
        }
    }

    private func flushLater(on loop: isolated EventLoop) {
        guard !willFlush else { return }
        willFlush = true
        loop.atEndOfTurn(self)
    }

    func turnEnds(on loop: isolated EventLoop) {
        willFlush = false
        flush(on: loop)
    }

    func flush(on loop: isolated EventLoop) {
        guard let transport, !output.isEmpty else { return }
        let bytes = output
        output = []
        transport.send(bytes, on: loop)
    }
}

/// The body of a request as its reader has it.
private final class HTTP1Body: RequestBodySource {
    private let bound: LoopBound<(HTTP1Connection, HTTP1Exchange)>
    private let gathered: GatheredBytes

    init(_ connection: HTTP1Connection, _ exchange: HTTP1Exchange, on loop: isolated EventLoop) {
        bound = LoopBound((connection, exchange), on: loop)
        gathered = exchange.gathered
    }

    func takeWhole() -> [UInt8]? {
        var whole: [UInt8]?
        _ = bound.loop.runIfCurrent { loop in
            let (connection, exchange) = bound.get(on: loop)
            whole = connection.takeWhole(of: exchange, on: loop)
        }
        return whole
    }

    func next() async throws -> [UInt8]? {
        try await bound.loop.run { [bound] loop in
            let (connection, exchange) = bound.get(on: loop)
            return try await connection.nextChunk(of: exchange, on: loop)
        }
    }

    func gather(_ count: Int) { gathered.add(count) }
}
