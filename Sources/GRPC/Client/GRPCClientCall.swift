import HTTP
import Transport

/// The client's end of one call, on the connection's loop: events of the stream in, waiting tasks out.
final class GRPCClientCall {
    typealias Waiter<Success> = GRPCClientStream.Waiter<Success>

    private enum Head {
        case awaited
        case arrived(HTTPFields)
    }

    /// Both until the call has ended.
    private var stream: HTTP2Stream?
    private var connection: GRPCClientConnection?
    private var deframer: GRPCDeframer
    private var head = Head.awaited
    /// A status that the head tells: all of a refused call, or an answer that is none of gRPC's.
    private var headStatus: GRPCStatus?
    /// How the call ended. Messages that came before are still to be had.
    private var status: GRPCStatus?
    /// The user has sent the last message; END_STREAM follows what waits.
    private var hasFinished = false
    private var hasSentEnd = false
    private var deadline: EventLoop.Timer?

    private var headWaiters: [Waiter<HTTPFields>] = []
    private var receivers: [Waiter<[UInt8]?>] = []
    private var senders: [(head: [UInt8], message: [UInt8], waiter: Waiter<Void>)] = []

    init(maximumMessage: Int) {
        deframer = GRPCDeframer(maximumMessage: maximumMessage)
    }

    func begin(
        on stream: HTTP2Stream, of connection: GRPCClientConnection, timeout: UInt64?, on loop: isolated EventLoop
    ) {
        self.stream = stream
        self.connection = connection
        guard let timeout else { return }
        deadline = loop.schedule(after: timeout) { [self] in
            deadline = nil
            cancel(GRPCStatus(.deadlineExceeded, "the call took too long"), on: loop)
        }
    }

    // MARK: For the stream's user

    func send(_ head: [UInt8], _ message: [UInt8], _ waiter: Waiter<Void>, on loop: isolated EventLoop) {
        if let status { return waiter.resume(returning: .failure(Self.failure(status))) }
        guard !hasFinished else {
            return waiter.resume(returning: .failure(GRPCStatus(.internalError, "the call's last message was sent")))
        }
        senders.append((head, message, waiter))
        sendWaiting(on: loop)
    }

    func finish(on loop: isolated EventLoop) {
        guard !hasFinished, status == nil else { return }
        hasFinished = true
        sendWaiting(on: loop)
    }

    func initialMetadata(_ waiter: Waiter<HTTPFields>, on loop: isolated EventLoop) {
        switch (head, status) {
        case (.arrived(let fields), _) where headStatus == nil: waiter.resume(returning: .success(fields))
        case (.arrived(let fields), .some(let status)) where status.isOK: waiter.resume(returning: .success(fields))
        case (_, .some(let status)): waiter.resume(returning: .failure(Self.failure(status)))
        case (_, nil): headWaiters.append(waiter)
        }
    }

    func next(_ waiter: Waiter<[UInt8]?>, on loop: isolated EventLoop) {
        receivers.append(waiter)
        deliver(on: loop)
    }

    /// Ends the call from this side.
    func cancel(_ status: GRPCStatus, on loop: isolated EventLoop) {
        guard self.status == nil else { return }
        stream?.reset(.cancel, on: loop)
        // Nobody waits for what is left of a call that was given up.
        deframer.removeAll()
        end(status, on: loop)
    }

    /// The connection is lost.
    func lost(_ status: GRPCStatus, on loop: isolated EventLoop) { end(status, on: loop) }

    /// A call that ended well is none to send on.
    private static func failure(_ status: GRPCStatus) -> GRPCStatus {
        status.isOK ? GRPCStatus(.cancelled, "the call has ended") : status
    }

    // MARK: Progress

    /// Writes what waits for as long as the windows take it, then this side's end.
    private func sendWaiting(on loop: isolated EventLoop) {
        guard let stream else { return }
        while stream.isWritable, !senders.isEmpty {
            let (head, message, waiter) = senders.removeFirst()
            guard let length = GRPCFraming.length(head.count + message.count) else {
                waiter.resume(returning: .failure(GRPCStatus(.internalError, "the message is too large")))
                continue
            }
            stream.write(length, head, message, on: loop)
            waiter.resume(returning: .success(()))
        }
        if hasFinished, !hasSentEnd, senders.isEmpty {
            hasSentEnd = true
            stream.end(on: loop)
        }
    }

    /// Gives messages to those who wait for one.
    private func deliver(on loop: isolated EventLoop) {
        do throws(GRPCStatus) {
            while !receivers.isEmpty {
                if let message = try deframer.next() {
                    receivers.removeFirst().resume(returning: .success(message))
                } else if let status {
                    receivers.removeFirst().resume(returning: result(of: status))
                } else {
                    break
                }
            }
        } catch {
            if status == nil { cancel(error, on: loop) }
            // The call may have ended well before its last message was found to be too large.
            if status?.isOK == true { status = error }
            deframer.removeAll()
            for receiver in receivers { receiver.resume(returning: .failure(error)) }
            receivers = []
        }
        let count = deframer.takeConsumed()
        if count > 0 { stream?.consume(count, on: loop) }
    }

    private func result(of status: GRPCStatus) -> Result<[UInt8]?, GRPCStatus> {
        guard status.isOK else { return .failure(status) }
        guard deframer.isEmpty else {
            return .failure(GRPCStatus(.internalError, "the answer ends within a message"))
        }
        return .success(nil)
    }

    private func end(_ status: GRPCStatus, on loop: isolated EventLoop) {
        guard self.status == nil else { return }
        self.status = status
        (stream, connection) = (nil, nil)
        if let deadline { loop.cancel(deadline) }
        deadline = nil
        for (_, _, waiter) in senders { waiter.resume(returning: .failure(Self.failure(status))) }
        senders = []
        let waiters = headWaiters
        headWaiters = []
        for waiter in waiters { initialMetadata(waiter, on: loop) }
        deliver(on: loop)
    }
}

extension GRPCClientCall: HTTP2StreamHandler {
    func receivedHead(_ response: HTTPResponse, on loop: isolated EventLoop) {
        let (code, fields) = (response.status.code, response.headerFields)
        head = .arrived(fields)
        if let status = GRPCStatus(fields: fields) {
            headStatus = status
        } else if code != 200 {
            headStatus = GRPCStatus(httpStatus: code)
        } else if case .other = GRPCContentType(fields[.contentType]) {
            headStatus = GRPCStatus(.unknown, "the answer is no gRPC: its content type")
        }
        guard headStatus == nil else { return }
        for waiter in headWaiters { waiter.resume(returning: .success(fields)) }
        headWaiters = []
    }

    func received(_ bytes: [UInt8], on loop: isolated EventLoop) {
        // What follows an answer that is none of gRPC's is its page.
        guard headStatus == nil, status == nil else {
            stream?.consume(bytes.count, on: loop)
            return
        }
        deframer.append(bytes)
        deliver(on: loop)
    }

    func receivedEnd(trailers: HTTPFields?, on loop: isolated EventLoop) {
        let told = trailers.flatMap { GRPCStatus(fields: $0) } ?? headStatus
        end(told ?? GRPCStatus(.unknown, "the answer ends without a status"), on: loop)
    }

    func writable(on loop: isolated EventLoop) { sendWaiting(on: loop) }

    func closed(_ failure: HTTP2StreamFailure?, on loop: isolated EventLoop) {
        switch failure {
        case .connectionLost: connection?.cutOff(self)
        case .reset(let code): end(headStatus ?? GRPCStatus(reset: code), on: loop)
        case nil: end(headStatus ?? GRPCStatus(.unknown, "the answer ends without a status"), on: loop)
        }
    }
}
