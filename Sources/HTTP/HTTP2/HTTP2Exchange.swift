import Transport

/// A web request: the entry is asked in a task of its own, and its answer written. The task is cancelled when the stream
/// is reset or its connection ends.
final class HTTP2Exchange: HTTP2StreamHandler {
    private let head: HTTPRequest
    private let stream: HTTP2Stream
    /// Until the task has ended, or the request was given up before it began.
    private var connection: HTTP2Connection?
    private let intake = HTTP2Intake()
    /// Of an answer that is streamed.
    private var outlet: HTTP2Outlet?
    private var task: Task<Void, Never>?
    private(set) var isClosed = false
    let headSize: Int
    /// Where the head counts for as long as it is held.
    private var unread: UnreadBodies?

    init(_ head: HTTPRequest, on stream: HTTP2Stream, of connection: HTTP2Connection) {
        self.head = head
        self.stream = stream
        self.connection = connection
        headSize = stream.headSize
        intake.stream = stream
        intake.isContinueAwaited = Token.contains("100-continue", in: head.headerFields[values: .expect])
        if let service = connection.service {
            intake.service = service
            intake.gathered = GatheredBytes(service.unread, of: connection.link.place)
            // The entry looks at it before it takes the body: of such a request nothing waits for long.
            intake.isCounted = !head.headerFields.showCredential
        }
    }

    deinit { unread?.add(-headSize) }

    func countHead(in unread: UnreadBodies) {
        unread.add(headSize)
        self.unread = unread
    }

    /// Too many of this connection's requests are at work.
    func refuse(on loop: isolated EventLoop) {
        connection = nil
        stream.reset(.refusedStream, on: loop)
    }

    func begin(on loop: isolated EventLoop) {
        // Queued, not immediate, because of the preference; which keeps default actors on this thread.
        task = Task.immediate(executorPreference: loop.executor) { await answer(on: loop) }
    }

    // MARK: HTTP2StreamHandler

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) { intake.received(bytes, on: loop) }
    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) { intake.end(.ended) }
    func writable(on loop: isolated EventLoop) { outlet?.wake() }

    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        isClosed = true
        intake.end(.broken)
        outlet?.wake()
        // In order: the task has written all that it had to, and ends by itself.
        if failure != nil { task?.cancel() }
        task = nil
    }

    // MARK: Answering

    private func answer(on loop: isolated EventLoop) async {
        let request = InboundRequest(
            head: head, id: RequestID.next(), client: ClientAddress(peer: stream.peer, real: nil),
            isSecure: stream.isSecure, body: intake.isOver ? .empty : RequestBody(HTTP2Body(intake, on: loop)),
            place: connection?.link.place)
        let entry = connection?.configuration.entry
        if let response = await entry?(request) { await write(response, on: loop) }
        connection?.exchangeEnded(on: loop)
        connection = nil
    }

    private func write(_ response: OutboundResponse, on loop: isolated EventLoop) async {
        intake.isContinueAwaited = false
        connection?.trustIfKnown(on: loop)
        var head = response.head
        head.headerFields[.date] = HTTPDate.shared.now
        switch response.body {
        case .none: send(head, body: [], on: loop)
        case .bytes(let bytes): send(head, body: bytes, on: loop)
        case .stream(let length, let produce): await send(head, length: length, produce, on: loop)
        case .webSocket(let upgrade):
            await upgrade.runWithoutClient()
            refuseUpgrade(on: loop)
        case .switched(let other):
            await other.runWithoutClient()
            refuseUpgrade(on: loop)
        }
    }

    /// There are none over HTTP/2, and whoever asks for one here did not ask for what it got.
    private func refuseUpgrade(on loop: isolated EventLoop) {
        send(HTTPResponse(status: .internalServerError, headerFields: [.date: HTTPDate.shared.now]), body: [], on: loop)
    }

    private func send(_ head: HTTPResponse, body: [UInt8], on loop: isolated EventLoop) {
        var head = head
        guard let hasBody = check(&head, on: loop) else { return }
        if hasBody || self.head.method == .head && !head.status.hasNoBody {
            // The answer to HEAD has the length that the one to GET would have.
            head.headerFields[.contentLength] = String(body.count)
        }
        stream.respond(head, endStream: !hasBody || body.isEmpty, on: loop)
        guard hasBody, !body.isEmpty else { return }
        stream.write(body, on: loop)
        stream.end(on: loop)
    }

    /// - Returns: whether a body follows; `nil` when there cannot be such an answer.
    private func check(_ head: inout HTTPResponse, on loop: isolated EventLoop) -> Bool? {
        if head.status.kind == .informational || head.status.kind == .invalid {
            stream.reset(.internalError, on: loop)
            return nil
        }
        let hasNoBody = head.status.hasNoBody
        if hasNoBody { head.headerFields[.contentLength] = nil }
        return self.head.method != .head && !hasNoBody
    }

    private typealias Produce =
        @Sendable (_ write: @Sendable ([UInt8]) async throws -> Void) async throws -> Void

    /// Calls `produce` exactly once on every path, because it releases what it holds only when it is called.
    private func send(_ head: HTTPResponse, length: Int64?, _ produce: Produce, on loop: isolated EventLoop) async {
        var head = head
        if let length { head.headerFields[.contentLength] = String(length) }
        guard !isClosed, let hasBody = check(&head, on: loop) else { return await refuse(produce) }
        stream.respond(head, endStream: !hasBody, on: loop)
        guard hasBody else { return await refuse(produce) }
        let outlet = HTTP2Outlet(stream, length)
        self.outlet = outlet
        let bound = LoopBound(outlet, on: loop)
        do {
            try await produce { try await bound.loop.write($0, to: bound) }
            try outlet.finish()
            stream.end(on: loop)
        } catch {
            // The client learns from it that the answer is incomplete.
            stream.reset(.internalError, on: loop)
        }
    }

    /// Nothing of the body is wanted; its first write ends it.
    private func refuse(_ produce: Produce) async {
        // What it throws then tells nobody anything.
        try? await produce { _ in throw RequestBody.Failure.broken }
    }
}

/// A streamed body was longer or shorter than announced.
struct HTTP2WrongLength: Error {}

/// The body of a web request: what has come of it and was not read. Reading gives the client its window back.
final class HTTP2Intake {
    enum State {
        case open
        case ended
        /// The client went away, or the answer was sent.
        case broken
    }

    /// More than so much was read: somebody wants it, and it is no mere beginning of one, of which a hostile client
    /// could have many waiting.
    private static let long = 32 << 10
    /// Shorter ones are joined: each array takes more than a byte that it holds.
    private static let joinedUpTo = 4 << 10

    var stream: HTTP2Stream?
    var isContinueAwaited = false
    /// Of a listener's connection.
    var service: HTTPService?
    var gathered: GatheredBytes?
    /// Whether what waits counts among ``HTTPService/unread``.
    var isCounted = false
    private var chunks: ArraySlice<[UInt8]> = []
    private var waiting = 0
    private var state = State.open
    private lazy var change = LoopSignal()
    private var isAwaited = false
    private var read = 0

    /// All has come and been read.
    var isOver: Bool { state == .ended && chunks.isEmpty }

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard state == .open else { return stream?.consume(bytes.count, on: loop) ?? () }
        if !chunks.isEmpty, chunks[chunks.endIndex - 1].count + bytes.count <= Self.joinedUpTo {
            chunks[chunks.endIndex - 1] += bytes
        } else {
            chunks.append(bytes)
        }
        count(bytes.count)
        if let service, let gathered, service.unreadIsOver, isCounted && !isAwaited || service.isTooMuch(gathered) {
            stream?.reset(.enhanceYourCalm, on: loop)
        }
        wake()
    }

    private func wake() {
        if isAwaited { change.wake() }
    }

    func end(_ new: State) {
        // What was read to its end stays so.
        if state == .open || new == .broken && !chunks.isEmpty { state = new }
        if new == .broken {
            count(-waiting)
            chunks = []
            stream = nil
        }
        wake()
    }

    /// - Throws: ``RequestBody/Failure/broken``, also when two tasks read at once, and `CancellationError`.
    func next(on loop: isolated EventLoop) async throws -> [UInt8]? {
        if chunks.isEmpty, state == .open {
            guard !isAwaited else { throw RequestBody.Failure.broken }
            try Task.checkCancellation()
            askForBody(on: loop)
            isAwaited = true
            defer { isAwaited = false }
            try await change.wait(on: loop) { chunks.isEmpty && state == .open }
        }
        if let chunk = chunks.popFirst() {
            took(chunk.count, on: loop)
            return chunk
        }
        guard state == .ended else { throw RequestBody.Failure.broken }
        return nil
    }

    /// What waits, when nothing follows it.
    func takeWhole(on loop: isolated EventLoop) -> [UInt8]? {
        guard state == .ended, !isAwaited, chunks.count <= 1 else { return nil }
        guard let chunk = chunks.popFirst() else { return [] }
        took(chunk.count, on: loop)
        return chunk
    }

    private func count(_ change: Int) {
        waiting += change
        if isCounted { service?.unread.add(change) }
    }

    private func took(_ count: Int, on loop: isolated EventLoop) {
        self.count(-count)
        let wasLong = read > Self.long
        read += count
        stream?.consume(count, on: loop)
        if !wasLong, read > Self.long { stream?.growWindow(on: loop) }
    }

    private func askForBody(on loop: isolated EventLoop) {
        guard isContinueAwaited else { return }
        isContinueAwaited = false
        stream?.respondInterim(.continue, on: loop)
    }
}

/// The way out for a streamed body.
final class HTTP2Outlet {
    private let stream: HTTP2Stream
    private let limit: Int64?
    private var written: Int64 = 0
    private let change = LoopSignal()

    /// - Parameter limit: how long the body has to be.
    init(_ stream: HTTP2Stream, _ limit: Int64?) {
        self.stream = stream
        self.limit = limit
    }

    func wake() { change.wake() }

    /// Waits while much of what was written before has not been taken.
    /// - Throws: when the client went away, the body is too long or the task is cancelled.
    func write(_ chunk: [UInt8], on loop: isolated EventLoop) async throws {
        guard !chunk.isEmpty else { return }
        try await change.wait(on: loop) { !stream.isClosed && !stream.isWritable }
        guard !stream.isClosed else { throw RequestBody.Failure.broken }
        written += Int64(chunk.count)
        if let limit, written > limit { throw HTTP2WrongLength() }
        stream.write(chunk, on: loop)
    }

    func finish() throws {
        if let limit, written != limit { throw HTTP2WrongLength() }
    }
}

/// The body of a request as its reader has it.
private final class HTTP2Body: RequestBodySource {
    private let intake: LoopBound<HTTP2Intake>
    private let gathered: GatheredBytes?

    init(_ intake: HTTP2Intake, on loop: isolated EventLoop) {
        self.intake = LoopBound(intake, on: loop)
        gathered = intake.gathered
    }

    func takeWhole() -> [UInt8]? {
        var whole: [UInt8]?
        _ = intake.loop.runIfCurrent { loop in whole = intake.get(on: loop).takeWhole(on: loop) }
        return whole
    }

    func next() async throws -> [UInt8]? { try await intake.loop.next(intake) }

    func gather(_ count: Int) { gathered?.add(count) }
}

extension EventLoop {
    fileprivate func next(_ intake: LoopBound<HTTP2Intake>) async throws -> [UInt8]? {
        try await intake.get(on: self).next(on: self)
    }

    fileprivate func write(_ chunk: [UInt8], to outlet: LoopBound<HTTP2Outlet>) async throws {
        try await outlet.get(on: self).write(chunk, on: self)
    }
}
