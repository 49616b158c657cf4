package import HTTP
package import Transport

/// One call that a client makes, streaming both ways. It belongs to the loop of its connection.
///
/// Its end is one of: the service finishes it; the client resets it or its connection is lost; its deadline is over; a
/// limit is broken. The handler's `closed` is called then, once. A client that has sent its last message and resets the
/// call at once is heard to the end first.
package final class GRPCServerCall {
    /// As it came, `/package.Service/Method`. Compare its bytes.
    package let path: String
    /// All fields of the request but the pseudo ones, in their order; values of `-bin` keys as they came.
    package let metadata: HTTPFields
    /// The client's address without its port: IPv4 mapped into IPv6 is IPv4, a zone is cut off. nil when it has none.
    package let peer: String?
    /// Whether it came over TLS.
    package let isSecure: Bool
    package let loop: EventLoop

    /// The largest message that is taken, in bytes. A longer one ends the call with `resourceExhausted`.
    package var maximumMessage: Int {
        get { deframer.maximumMessage }
        set { deframer.maximumMessage = newValue }
    }

    /// Whether messages wait while the client does not take the answers, so that a service that answers each message
    /// gathers none. One whose directions have nothing to do with each other sets it to false and looks at
    /// ``isWritable``.
    package var holdsWhileFull = true

    /// Whether the call has ended otherwise than by the service: the client has gone, a deadline is over, a limit broken.
    package private(set) var isCancelled = false

    private enum State { case starting, open, finished }

    private let limits: GRPCServerLimits
    private let budget: GRPCGuestBudget
    private let stream: HTTP2Stream
    private var state = State.starting
    private var handler: (any GRPCServerHandler)?
    private var deframer: GRPCDeframer
    private var isGuest = true
    private var isHeld = false
    private var isDelivering = false
    private var wasFull = false
    /// The client has sent its last byte.
    private var hasEnded = false
    private var hasDeliveredEnd = false
    private var isStreamGone = false
    private var hasSentHead = false
    private var share = GRPCGuestBudget.Share()
    private var timers = Timers()
    private var tasks: [Int: Task<Void, Never>] = [:]
    private var taskCount = 0

    private struct Timers {
        var deadline: EventLoop.Timer?
        /// The end of a guest's patience while the call runs; of the client's, once it has ended.
        var patience: EventLoop.Timer?
    }

    init(
        _ request: HTTPRequest, on stream: HTTP2Stream, limits: GRPCServerLimits, budget: GRPCGuestBudget,
        loop: isolated EventLoop
    ) {
        path = request.path ?? ""
        metadata = request.headerFields
        peer = stream.peer
        isSecure = stream.isSecure
        self.loop = loop
        self.limits = limits
        self.budget = budget
        self.stream = stream
        deframer = GRPCDeframer(maximumMessage: limits.maximumGuestMessage)
    }

    /// Begins the call with the first service that knows it.
    func begin(_ services: [any GRPCService], on loop: isolated EventLoop) {
        if !metadata[values: .grpcTimeout].isEmpty {
            guard let timeout = metadata[.grpcTimeout].flatMap(GRPCTimeout.init) else {
                return finish(GRPCStatus(.invalidArgument, "grpc-timeout is malformed"), on: loop)
            }
            timers.deadline = loop.schedule(after: timeout.milliseconds) { [self] in
                timers.deadline = nil
                fail(GRPCStatus(.deadlineExceeded, "the deadline of the call is over"), on: loop)
            }
        }
        timers.patience = loop.schedule(after: limits.guestPatience) { [self] in
            timers.patience = nil
            guard isGuest, !hasEnded else { return }
            fail(GRPCStatus(.deadlineExceeded, "the request did not come in time"), on: loop)
        }
        for service in services {
            let handler = service.handler(for: self, on: loop)
            // The service may have finished the call while it made its handler.
            if state == .finished {
                handler?.closed(self, on: loop)
                return
            }
            guard let handler else { continue }
            self.handler = handler
            state = .open
            return deliver(on: loop)
        }
        finish(GRPCStatus(.unimplemented, "unknown method"), on: loop)
    }

    // MARK: Who is calling

    /// The service has seen a credential of the client: the connection's limits for strangers end, and the largest
    /// message becomes the server's.
    /// - Parameter owner: whose the connection is from now on, unless they have too many.
    package func credentialShown(of owner: ConnectionOwner, on loop: isolated EventLoop) {
        guard isGuest, state != .finished else { return }
        isGuest = false
        maximumMessage = limits.maximumMessage
        budget.give(&share)
        if let timer = timers.patience { loop.cancel(timer) }
        timers.patience = nil
        stream.connectionIsTrusted(as: owner, on: loop)
    }

    // MARK: Answering

    /// Whether more should be sent now. If not, the handler's `writable` comes later. Nothing is refused.
    package var isWritable: Bool { state != .finished && !isStreamGone && stream.isWritable }

    /// Begins the answer before its first message. Afterwards this does nothing.
    package func sendInitialMetadata(_ metadata: HTTPFields = [:], on loop: isolated EventLoop) {
        guard state != .finished, !hasSentHead else { return }
        hasSentHead = true
        guard !isStreamGone else { return }
        stream.respond(Self.head(metadata), on: loop)
    }

    /// Sends a message. On a call that has ended this does nothing.
    /// - Parameter head: the beginning of the message, where that is apart; it is short.
    package func send(_ message: [UInt8], after head: [UInt8] = [], on loop: isolated EventLoop) {
        guard state != .finished else { return }
        guard let length = GRPCFraming.length(head.count + message.count) else {
            return fail(GRPCStatus(.internalError, "the answer is too large"), on: loop)
        }
        write(on: loop) { stream in stream.write(length, head, message, on: loop) }
    }

    /// Sends a message that is sent often. On a call that has ended this does nothing.
    package func send(_ frame: GRPCFrame, on loop: isolated EventLoop) {
        guard state != .finished else { return }
        write(on: loop) { stream in stream.write(frame.bytes, on: loop) }
    }

    private func write(on loop: isolated EventLoop, _ body: (HTTP2Stream) -> Void) {
        sendInitialMetadata(on: loop)
        guard !isStreamGone else { return }
        body(stream)
        if !stream.isWritable { wasFull = true }
    }

    /// Ends the call, after what was sent. The handler's `closed` is called before this returns.
    package func finish(_ status: GRPCStatus, trailers: HTTPFields = [:], on loop: isolated EventLoop) {
        guard state != .finished else { return }
        state = .finished
        if !isStreamGone {
            if hasSentHead {
                stream.end(trailers: status.fields + trailers, on: loop)
            } else {
                stream.respond(Self.head(status.fields + trailers), endStream: true, on: loop)
            }
        }
        close(on: loop)
    }

    private static func head(_ fields: HTTPFields) -> HTTPResponse {
        HTTPResponse(status: .ok, headerFields: [.contentType: GRPCContentType.value] + fields)
    }

    /// Ends the call for another reason than the service's.
    private func fail(_ status: GRPCStatus, trailers: HTTPFields = [:], on loop: isolated EventLoop) {
        guard state != .finished else { return }
        isCancelled = true
        finish(status, trailers: trailers, on: loop)
    }

    /// What is the same for every end.
    private func close(on loop: isolated EventLoop) {
        state = .finished
        deframer.removeAll()
        giveBack(on: loop)
        budget.give(&share)
        for timer in [timers.deadline, timers.patience] { if let timer { loop.cancel(timer) } }
        timers = Timers()
        for task in tasks.values { task.cancel() }
        tasks = [:]
        if !isStreamGone {
            timers.patience = loop.schedule(after: limits.endPatience) { [self] in
                timers.patience = nil
                stream.reset(.cancel, on: loop)
            }
        }
        let handler = handler
        self.handler = nil
        handler?.closed(self, on: loop)
    }

    // MARK: Messages

    /// No message is handed over until ``releaseMessages(on:)``, so that the client's window shuts.
    package func holdMessages() { isHeld = true }

    package func releaseMessages(on loop: isolated EventLoop) {
        isHeld = false
        deliver(on: loop)
    }

    /// Hands messages over, for as long as the service and the client take them.
    private func deliver(on loop: isolated EventLoop) {
        guard state == .open, !isDelivering else { return }
        isDelivering = true
        defer { isDelivering = false }
        do throws(GRPCStatus) {
            while state == .open, mayDeliver {
                guard let message = try deframer.next() else {
                    endDelivery(on: loop)
                    break
                }
                handler?.received(message, in: self, on: loop)
            }
        } catch {
            // What is not implemented is compression; the client may try again without it.
            let trailers: HTTPFields = error.code == .unimplemented ? [.grpcAcceptEncoding: "identity"] : [:]
            fail(error, trailers: trailers, on: loop)
        }
        giveBack(on: loop)
        charge(on: loop)
    }

    private var mayDeliver: Bool { !isHeld && !(holdsWhileFull && !isStreamGone && !stream.isWritable) }

    /// No whole message is left.
    private func endDelivery(on loop: isolated EventLoop) {
        guard hasEnded, !hasDeliveredEnd else { return }
        hasDeliveredEnd = true
        if deframer.isEmpty {
            handler?.receivedEnd(in: self, on: loop)
        } else {
            fail(GRPCStatus(.internalError, "the request ends within a message"), on: loop)
        }
        // The client has gone after its last byte: there is nobody to answer.
        if isStreamGone { vanish(on: loop) }
    }

    /// Lets the client send as much more as was taken.
    private func giveBack(on loop: isolated EventLoop) {
        let count = deframer.takeConsumed()
        if count > 0, !isStreamGone { stream.consume(count, on: loop) }
    }

    /// Counts what a client without a credential makes us hold.
    private func charge(on loop: isolated EventLoop) {
        guard isGuest, state != .finished else { return }
        if !budget.set(&share, to: deframer.heldBytes) {
            fail(GRPCStatus(.resourceExhausted, "too many unfinished requests"), on: loop)
        }
    }

    /// The stream is gone and all that came before was heard.
    private func vanish(on loop: isolated EventLoop) {
        guard state != .finished else { return }
        isCancelled = true
        close(on: loop)
    }

    // MARK: Work

    /// Does something that waits, on the call's loop; `done` comes there, too, unless the call has ended meanwhile, which
    /// cancels the work. A thrown ``GRPCStatus`` ends the call, every other error does so as `unknown`.
    package func run<Success>(
        on loop: isolated EventLoop, _ work: @escaping @Sendable () async throws -> Success,
        then done: @escaping (Success) -> Void
    ) {
        guard state != .finished else { return }
        taskCount += 1
        let number = taskCount
        tasks[number] = Task.immediate(executorPreference: loop.executor) {
            let outcome: Result<Success, any Error>
            do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
            // Gone when the call has ended.
            guard tasks.removeValue(forKey: number) != nil else { return }
            switch outcome {
            case .success(let value): done(value)
            case .failure(let error): finish(GRPCStatus(error), on: loop)
            }
        }
    }
}

extension GRPCServerCall: HTTP2StreamHandler {
    package func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard state != .finished else { return stream.consume(bytes.count, on: loop) }
        deframer.append(bytes)
        deliver(on: loop)
    }

    package func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {
        hasEnded = true
        deliver(on: loop)
    }

    package func writable(on loop: isolated EventLoop) {
        guard state == .open else { return }
        if wasFull {
            wasFull = false
            handler?.writable(self, on: loop)
        }
        deliver(on: loop)
    }

    package func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        isStreamGone = true
        if state == .finished {
            if let timer = timers.patience { loop.cancel(timer) }
            timers = Timers()
        } else if !hasEnded || hasDeliveredEnd {
            vanish(on: loop)
        } else {
            deliver(on: loop)
        }
    }
}
