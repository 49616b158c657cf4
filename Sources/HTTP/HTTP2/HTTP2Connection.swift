package import Transport

/// What a server's connection does with its requests, and how long it lives.
package struct HTTP2ServerConfiguration: Sendable {
    /// Answers web requests.
    package var entry: HTTPEntry
    /// Chooses other handlers; `nil`: all are web requests.
    package var router: (any HTTP2StreamRouter)?
    package var settings = HTTP2Settings()
    package var limits = HTTP2ServerLimits()

    package init(entry: @escaping HTTPEntry, router: (any HTTP2StreamRouter)? = nil) {
        self.entry = entry
        self.router = router
    }
}

/// Times of a server's connection, in milliseconds, and how much it holds.
package struct HTTP2ServerLimits: Sendable, Hashable {
    /// A connection that shows no credential hears GOAWAY after the first time and is closed after the second.
    package var farewellToStrangers: UInt64 = 25_000
    package var strangers: UInt64 = 30_000
    /// Its requests that are answered at a time.
    package var atWorkForStrangers = 4
    /// Bytes of the heads of those that wait, as ``HTTP2Settings/maximumHeaderList`` counts.
    package var waitingHeadsOfStrangers = 64 << 10
    /// After so much silence the peer is asked for a sign of life, and is given up when it shows none in time.
    package var silence: UInt64 = 60_000
    package var answer: UInt64 = 20_000
    /// A connection without streams hears GOAWAY.
    package var unused: UInt64 = 120_000
    /// What is left of a request whose answer was sent is dropped for so long, and so many bytes of it: a client that is
    /// told to stop at once loses the answer.
    package var lingering: UInt64 = 5000
    package var lingeringBytes = 32 << 20
    /// How long a client may take to have heard the first word of a shutdown.
    package var notice: UInt64 = 1000

    package init() {}
}

/// A server's end of an HTTP/2 connection: gives each stream what answers it. A FIN of the client closes it.
package final class HTTP2Connection: ByteProtocol {
    let configuration: HTTP2ServerConfiguration
    let link: HTTP2Link
    /// What all connections of the listener share; `nil` where there is none.
    let service: HTTPService?
    private static let pendingCheck: UInt64 = 20
    private let start: UInt64
    /// Web requests that are being answered, those included whose clients have given them up.
    private var working = 0
    /// Web requests that wait until less of other answers does.
    private var pending: [HTTP2Exchange] = []
    private var lingering: [(stream: HTTP2Stream, until: UInt64)] = []
    private var unusedSince: UInt64
    private var pingSent: UInt64?
    private var isShuttingDown = false
    private var lifeTimer: EventLoop.Timer?
    private var lingerTimer: EventLoop.Timer?
    private var pendingTimer: EventLoop.Timer?
    private var noticeTimer: EventLoop.Timer?
    private var isClosed = false

    /// Attach it to the transport then, and have it receive the bytes from the preface on.
    /// - Parameters:
    ///   - peer: the client's address without port, IPv4-mapped forms as IPv4.
    ///   - place: the connection's; `nil`: it is not counted, and known to nobody.
    package convenience init(
        over transport: any ByteTransport, _ configuration: HTTP2ServerConfiguration, peer: String?, isSecure: Bool,
        place: ConnectionPlace? = nil, on loop: isolated EventLoop
    ) {
        self.init(
            over: transport, configuration, peer: peer, isSecure: isSecure, place: place, service: nil, on: loop)
    }

    init(
        over transport: any ByteTransport, _ configuration: HTTP2ServerConfiguration, peer: String?, isSecure: Bool,
        place: ConnectionPlace?, service: HTTPService?, on loop: isolated EventLoop
    ) {
        self.service = service
        self.configuration = configuration
        link = HTTP2Link(
            HTTP2Session(.server, configuration.settings), over: transport, peer: peer, isSecure: isSecure,
            place: place,
            on: loop)
        start = loop.now
        unusedSince = start
        link.owner = self
        link.maximumDropped = configuration.limits.lingeringBytes
        scheduleLifeCheck(on: loop)
        link.flushLater(on: loop)
    }

    // MARK: ByteProtocol

    package func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) { link.received(bytes, on: loop) }
    package func receivedEnd(on loop: isolated EventLoop) { link.receivedEnd(on: loop) }
    package func writable(on loop: isolated EventLoop) { link.writable(on: loop) }

    package func closed(on loop: isolated EventLoop) {
        isClosed = true
        for timer in [lifeTimer, lingerTimer, noticeTimer, pendingTimer] { if let timer { loop.cancel(timer) } }
        (lifeTimer, lingerTimer, noticeTimer, pendingTimer) = (nil, nil, nil, nil)
        lingering = []
        pending = []
        link.place?.release()
        link.closed(on: loop)
    }

    // MARK: Shutdown

    /// Says GOAWAY twice: first that the end comes, then, once the client must have heard it, which stream is the last.
    /// What is in flight is answered, then the connection ends by itself.
    package func beginShutdown(on loop: isolated EventLoop) {
        guard !isShuttingDown, !isClosed else { return }
        isShuttingDown = true
        link.update(on: loop) { session in
            session.announceShutdown()
            session.ping()
            for (stream, _) in lingering { session.reset(stream, .noError) }
        }
        noticeTimer = loop.schedule(after: configuration.limits.notice) { [weak self] in self?.sayLast(on: loop) }
    }

    private func sayLast(on loop: isolated EventLoop) {
        guard let noticeTimer else { return }
        loop.cancel(noticeTimer)
        self.noticeTimer = nil
        link.update(on: loop) { $0.goAway() }
    }

    /// Closes at once.
    package func close(on loop: isolated EventLoop) { link.close(on: loop) }

    // MARK: Web requests

    /// A web request has been taken off the wire: it is answered now, or once there is room for its answer.
    private func take(_ exchange: HTTP2Exchange, on loop: isolated EventLoop) {
        guard working + pending.count < Int(configuration.settings.maximumStreams) else {
            // Their clients have given up so many that are still being ended.
            return exchange.refuse(on: loop)
        }
        trustIfKnown(on: loop)
        let waits = !pending.isEmpty || !mayBegin
        guard !waits || !link.session.floodGuard.isOfStranger || mayWait(exchange) else {
            return exchange.refuse(on: loop)
        }
        pending.append(exchange)
        beginPending(on: loop)
    }

    /// Few bytes become long heads, and what a stranger has waiting may wait for as long as its connection lives.
    private func mayWait(_ exchange: HTTP2Exchange) -> Bool {
        if let service {
            guard !service.unreadIsOver else { return false }
            exchange.countHead(in: service.unread)
        }
        let waiting = pending.reduce(exchange.headSize) { $0 + $1.headSize }
        return waiting <= configuration.limits.waitingHeadsOfStrangers
    }

    private var mayBegin: Bool {
        if link.session.isCrowded { return false }
        return working < configuration.limits.atWorkForStrangers || !link.session.floodGuard.isOfStranger
    }

    private func beginPending(on loop: isolated EventLoop) {
        guard !pending.isEmpty else { return }
        trustIfKnown(on: loop)
        while let first = pending.first, mayBegin {
            pending.removeFirst()
            guard !first.isClosed else { continue }
            working += 1
            first.begin(on: loop)
        }
        guard !pending.isEmpty, pendingTimer == nil, link.session.floodGuard.isOfStranger else { return }
        // Those at work may take long, and the first of them may show a credential at once.
        pendingTimer = loop.schedule(after: Self.pendingCheck) { [weak self] in
            guard let self else { return }
            pendingTimer = nil
            beginPending(on: loop)
        }
    }

    /// The task of a web request has ended.
    func exchangeEnded(on loop: isolated EventLoop) {
        working -= 1
        beginPending(on: loop)
    }

    /// Web requests whose tasks have not ended.
    var workingForTests: Int { working }
    var isWorking: Bool { working > 0 }

    // MARK: Life

    private func scheduleLifeCheck(on loop: isolated EventLoop) {
        let now = loop.now
        let limits = configuration.limits
        var next = pingSent.map { $0 + limits.answer } ?? link.lastReceived + limits.silence
        if link.session.floodGuard.trust == .none {
            next = min(next, start + (isShuttingDown ? limits.strangers : limits.farewellToStrangers))
        }
        if !isShuttingDown, isUnused { next = min(next, unusedSince + limits.unused) }
        lifeTimer = loop.schedule(after: next > now ? next - now : 1) { [weak self] in self?.checkLife(on: loop) }
    }

    private var isUnused: Bool { link.session.streams.isEmpty && working == 0 }

    private func checkLife(on loop: isolated EventLoop) {
        lifeTimer = nil
        let now = loop.now
        let limits = configuration.limits
        trustIfKnown(on: loop)
        if link.session.floodGuard.trust == .none {
            if now >= start + limits.farewellToStrangers { beginShutdown(on: loop) }
            if now >= start + limits.strangers {
                link.flush(on: loop)
                return close(on: loop)
            }
        }
        if let sent = pingSent {
            if link.lastReceived >= sent {
                pingSent = nil
            } else if now >= sent + limits.answer {
                return close(on: loop)
            }
        } else if now >= link.lastReceived + limits.silence {
            pingSent = now
            link.update(on: loop) { $0.ping() }
        }
        if isUnused, now >= unusedSince + limits.unused { beginShutdown(on: loop) }
        scheduleLifeCheck(on: loop)
    }

    /// A web request has shown a credential.
    func trustIfKnown(on loop: isolated EventLoop) {
        if link.place?.isKnown == true { link.trust(.web, on: loop) }
    }

    private func checkLingering(on loop: isolated EventLoop) {
        lingerTimer = nil
        while let first = lingering.first, first.stream.link == nil || first.until <= loop.now {
            lingering.removeFirst()
            first.stream.reset(.noError, on: loop)
        }
        scheduleLingerCheck(on: loop)
    }

    private func scheduleLingerCheck(on loop: isolated EventLoop) {
        guard lingerTimer == nil, let first = lingering.first else { return }
        let delay = first.until > loop.now ? first.until - loop.now : 1
        lingerTimer = loop.schedule(after: delay) { [weak self] in self?.checkLingering(on: loop) }
    }
}

extension HTTP2Connection: HTTP2LinkOwner {
    func began(_ stream: HTTP2Stream, _ request: HTTPRequest, on loop: isolated EventLoop) {
        if let handler = configuration.router?.handler(for: request, on: stream, on: loop) {
            // It may have refused the stream already.
            if !stream.isClosed { stream.handler = handler }
        } else {
            let exchange = HTTP2Exchange(request, on: stream, of: self)
            stream.handler = exchange
            take(exchange, on: loop)
        }
    }

    func refused(_ stream: HTTP2Stream, _ status: HTTPResponse.Status, on loop: isolated EventLoop) {
        let fields: HTTPFields = [.contentLength: "0", .date: HTTPDate.shared.now]
        stream.respond(HTTPResponse(status: status, headerFields: fields), endStream: true, on: loop)
    }

    func lingers(_ stream: HTTP2Stream, on loop: isolated EventLoop) {
        if isShuttingDown { return stream.reset(.noError, on: loop) }
        lingering.append((stream, loop.now + configuration.limits.lingering))
        scheduleLingerCheck(on: loop)
    }

    func ended(_ stream: HTTP2Stream, on loop: isolated EventLoop) { unusedSince = loop.now }

    func received(settings: Void, on loop: isolated EventLoop) {}
    func received(goAway code: HTTP2ErrorCode, debug: [UInt8], on loop: isolated EventLoop) {}

    func received(pong: Void, on loop: isolated EventLoop) {
        if isShuttingDown { sayLast(on: loop) }
    }

    func flushed(on loop: isolated EventLoop) {
        beginPending(on: loop)
    }
}
