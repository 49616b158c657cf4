import Transport

/// What either end of a connection does beside its streams.
protocol HTTP2LinkOwner: AnyObject {
    /// Server: the peer began a stream.
    func began(_ stream: HTTP2Stream, _ request: HTTPRequest, on loop: isolated EventLoop)
    /// Server: a request that is not carried out. Client: a response that is too large.
    func refused(_ stream: HTTP2Stream, _ status: HTTPResponse.Status, on loop: isolated EventLoop)
    /// Server: the answer is on its way, and the peer is still sending.
    func lingers(_ stream: HTTP2Stream, on loop: isolated EventLoop)
    func ended(_ stream: HTTP2Stream, on loop: isolated EventLoop)
    func received(settings: Void, on loop: isolated EventLoop)
    func received(goAway code: HTTP2ErrorCode, debug: [UInt8], on loop: isolated EventLoop)
    func received(pong: Void, on loop: isolated EventLoop)
    /// A turn's output has been handed to the transport.
    func flushed(on loop: isolated EventLoop)
}

/// Joins a session to its transport: bytes in, events to the handlers of streams, and one write at the end of a turn.
final class HTTP2Link: TurnEnding {
    /// What the transport gets at once at most, but for the last frame.
    private static let batch = 256 << 10
    /// Answers to control frames that may wait; more of the peer is not read before they are on their way.
    private static let maximumWaitingFrames = 1024
    /// How long the peer may take to end its side after we have ended ours, and how many times as long while it has not
    /// been sent all.
    private static let farewell: UInt64 = 1000
    private static let maximumFarewells = 30
    private static let maximumSkipped = 1 << 20
    /// Events for which the memory is kept.
    private static let keptEvents = 4

    let session: HTTP2Session
    let peer: String?
    let isSecure: Bool
    /// Server: its place among the connections of its address or owner.
    let place: ConnectionPlace?
    private(set) var transport: (any ByteTransport)?
    /// Until the transport is closed.
    var owner: (any HTTP2LinkOwner)?
    private(set) var lastReceived: UInt64
    /// Server: bytes of a request that are dropped after its answer.
    var maximumDropped = 0
    private var willFlush = false
    private var isFlushing = false
    private var isHandling = false
    /// Those that are handled.
    private var events: [HTTP2Session.Event] = []
    private var isPaused = false
    private var isLeaving = false
    private var farewellTimer: EventLoop.Timer?
    private var farewells = 0
    private var skipped = 0

    init(
        _ session: HTTP2Session, over transport: any ByteTransport, peer: String?, isSecure: Bool,
        place: ConnectionPlace? = nil, on loop: isolated EventLoop
    ) {
        self.session = session
        self.transport = transport
        self.peer = peer
        self.isSecure = isSecure
        self.place = place
        lastReceived = loop.now
    }

    // MARK: The transport's calls

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        lastReceived = loop.now
        if isLeaving { return skip(bytes.count, on: loop) }
        session.receive(bytes, at: loop.now)
        handleEvents(on: loop)
        // Much that wants an answer: it goes out before more is read in the same turn.
        if session.waitingFrames > Self.maximumWaitingFrames / 4 { flush(on: loop) } else { flushLater(on: loop) }
    }

    /// What still comes is read for a while, as closing before it would take the last words away from the peer.
    private func skip(_ count: Int, on loop: isolated EventLoop) {
        skipped += count
        if skipped > Self.maximumSkipped, fault != nil || transport?.isDrained == true { close(on: loop) }
    }

    func writable(on loop: isolated EventLoop) { flush(on: loop) }

    func closed(on loop: isolated EventLoop) {
        transport = nil
        if let farewellTimer { loop.cancel(farewellTimer) }
        farewellTimer = nil
        closeStreams(on: loop)
        owner = nil
    }

    private func closeStreams(on loop: isolated EventLoop) {
        let streams = session.streams
        session.streams = [:]
        for stream in streams.values { close(stream, .connectionLost, on: loop) }
    }

    // MARK: Sending

    /// Does something with the session; what comes of it is sent at the end of the turn.
    func update(on loop: isolated EventLoop, _ body: (HTTP2Session) -> Void) {
        body(session)
        flushLater(on: loop)
    }

    /// All that is answered in a turn of the loop goes out in one write.
    func flushLater(on loop: isolated EventLoop) {
        guard !willFlush, transport != nil else { return }
        willFlush = true
        loop.atEndOfTurn(self)
    }

    func turnEnds(on loop: isolated EventLoop) {
        willFlush = false
        flush(on: loop)
    }

    /// Sends what the transport takes, and handles what came of that, until there is nothing left of either.
    func flush(on loop: isolated EventLoop) {
        guard !isFlushing, !isLeaving else { return }
        isFlushing = true
        while let transport, transport.isWritable {
            let output = session.output(Self.batch)
            let isAll = output.count < Self.batch
            if !output.isEmpty { output.send(over: transport, on: loop) }
            session.reuse(output)
            if !handleEvents(on: loop), isAll { break }
        }
        isFlushing = false
        holdBack(on: loop)
        owner?.flushed(on: loop)
        if session.isFinished { leave(on: loop) }
    }

    /// A peer that takes no answers is not read any more, or its control frames would have us keep answers without end.
    private func holdBack(on loop: isolated EventLoop) {
        let isFull = session.waitingFrames > Self.maximumWaitingFrames
        guard isFull != isPaused, let transport else { return }
        isPaused = isFull
        if isFull { transport.pauseReceiving(on: loop) } else { transport.resumeReceiving(on: loop) }
    }

    /// Why the connection does not go on: a fault of the peer, or of ours.
    var fault: HTTP2ErrorCode? { session.failure ?? session.fault }

    /// All is said: our side ends, and the connection once the peer has ended its own or had time to.
    private func leave(on loop: isolated EventLoop) {
        guard !isLeaving, let transport else { return }
        isLeaving = true
        closeStreams(on: loop)
        if isPaused { transport.resumeReceiving(on: loop) }
        transport.finishSending(on: loop)
        scheduleClose(on: loop)
    }

    /// A peer without a fault gets what is under way before the connection goes.
    private func scheduleClose(on loop: isolated EventLoop) {
        farewellTimer = loop.schedule(after: Self.farewell) { [weak self] in
            guard let self, let transport else { return }
            farewells += 1
            let waits = fault == nil && !transport.isDrained && farewells < Self.maximumFarewells
            if waits { scheduleClose(on: loop) } else { close(on: loop) }
        }
    }

    /// The peer has ended its side: nobody is there for whom to go on.
    func receivedEnd(on loop: isolated EventLoop) {
        flush(on: loop)
        close(on: loop)
    }

    func close(on loop: isolated EventLoop) { transport?.close(on: loop) }

    func trust(_ trust: HTTP2Trust, on loop: isolated EventLoop) {
        guard trust > session.floodGuard.trust else { return }
        update(on: loop) { session in
            session.floodGuard.trust = trust
            session.growWindows(trust)
        }
    }

    // MARK: Events

    /// Whether anything had happened.
    @discardableResult private func handleEvents(on loop: isolated EventLoop) -> Bool {
        guard !isHandling else { return false }
        isHandling = true
        defer { isHandling = false }
        var hasHappened = false
        while true {
            session.takeEvents(into: &events)
            if events.isEmpty { return hasHappened }
            hasHappened = true
            for event in events { handle(event, on: loop) }
            events.removeAll(keepingCapacity: events.capacity <= Self.keptEvents)
        }
    }

    private func handle(_ event: HTTP2Session.Event, on loop: isolated EventLoop) {
        switch event {
        case .request(let stream):
            stream.link = self
            guard let request = stream.request else { return }
            stream.request = nil
            owner?.began(stream, request, on: loop)
        case .malformed(let stream): session.resetMalformed(stream)
        case .refused(let stream, let status):
            stream.link = self
            owner?.refused(stream, status, on: loop)
        case .response(let stream, let response): stream.handler?.receivedHead(response, on: loop)
        case .data(let stream, let bytes): received(bytes, on: stream, on: loop)
        case .ended(let stream, let trailers):
            stream.handler?.receivedEnd(trailers: trailers, on: loop)
            // A response is over with its end, whatever of the request is not sent yet.
            if session.role == .client, !stream.hasEndedHere { session.reset(stream, .cancel) }
        case .writable(let stream): stream.handler?.writable(on: loop)
        case .answered(let stream): answered(stream, on: loop)
        case .closed(let stream, let code):
            let isInOrder = session.role == .client ? stream.hasEndedThere : stream.hasEndedHere
            close(stream, isInOrder ? nil : .reset(code), on: loop)
        case .settings: owner?.received(settings: (), on: loop)
        case .goAway(let code, let debug): owner?.received(goAway: code, debug: debug, on: loop)
        case .pong: owner?.received(pong: (), on: loop)
        }
    }

    private func received(_ bytes: [UInt8], on stream: HTTP2Stream, on loop: isolated EventLoop) {
        if let handler = stream.handler { return handler.received(bytes, on: loop) }
        session.consume(bytes.count, of: stream)
        guard let dropped = stream.dropped else { return }
        stream.dropped = dropped + bytes.count
        if dropped > maximumDropped { session.reset(stream, .noError) }
    }

    private func answered(_ stream: HTTP2Stream, on loop: isolated EventLoop) {
        guard session.role == .server else { return }
        let handler = stream.handler
        stream.handler = nil
        handler?.closed(nil, on: loop)
        stream.dropped = 0
        guard !stream.hasEndedThere, stream.link != nil else { return }
        session.consume(stream.unconsumed, of: stream)
        owner?.lingers(stream, on: loop)
    }

    private func close(_ stream: HTTP2Stream, _ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        let handler = stream.handler
        stream.close()
        handler?.closed(failure, on: loop)
        owner?.ended(stream, on: loop)
    }
}
