import CNghttp2
import Transport

/// One end of one HTTP/2 connection: bytes in, events and bytes out. No socket, no timer, no tasks.
///
/// nghttp2's callbacks only record what happened; whoever drives the session takes the events once ``receive(_:at:)`` or
/// ``output(_:)`` has returned, and may then call anything. Bytes received count against the peer's windows until
/// ``consume(_:of:)``.
@safe final class HTTP2Session {
    enum Event {
        /// Server: a new stream, which has its request.
        case request(HTTP2Stream)
        /// Server: a new stream whose request is not to be carried out.
        case refused(HTTP2Stream, HTTPResponse.Status)
        /// A head that is reset without an answer.
        case malformed(HTTP2Stream)
        /// Client: the final head.
        case response(HTTP2Stream, HTTPResponse)
        case data(HTTP2Stream, [UInt8])
        case ended(HTTP2Stream, trailers: HTTPFields?)
        /// Little waits any more.
        case writable(HTTP2Stream)
        /// END_STREAM of ours is on its way.
        case answered(HTTP2Stream)
        case closed(HTTP2Stream, HTTP2ErrorCode)
        /// The peer's SETTINGS have come.
        case settings
        case goAway(HTTP2ErrorCode, debug: [UInt8])
        /// The answer to our PING.
        case pong
    }

    let role: HTTP2Role
    let settings: HTTP2Settings
    var floodGuard: HTTP2FloodGuard
    /// Owned here, and touched by ``HTTP2Session`` and its callbacks only.
    var session: OpaquePointer?
    var streams: [Int32: HTTP2Stream] = [:] { didSet { lastFound = nil } }
    /// One of ``streams``: a frame asks for its stream several times.
    private var lastFound: HTTP2Stream?
    var events: [Event] = []
    var headers = HTTP2HeaderBlock()
    /// What the call of ``output(_:)`` that is under way has made so far.
    var outgoing = HTTP2Output()
    /// Bytes that wait on all streams.
    var waiting = 0
    /// Bytes of closed streams that nobody consumed: the connection's window gets them back.
    var leftover = 0
    /// The connection cannot go on; the peer is told why.
    var failure: HTTP2ErrorCode?
    private var hasSaidFailure = false
    /// The code of the GOAWAY that nghttp2 has sent for a fault of the peer.
    var fault: HTTP2ErrorCode?
    /// nghttp2 is at work. It must not be entered a second time, nor freed: callbacks record and do nothing else.
    private var isDriving = false
    /// Milliseconds, told with what was received.
    var now: UInt64 = 0
    /// The last stream that was begun by the peer.
    var lastPeerStream: Int32 = 0

    init(_ role: HTTP2Role, _ settings: HTTP2Settings) {
        self.role = role
        self.settings = settings
        floodGuard = HTTP2FloodGuard(policesPeer: role == .server)
        var option: OpaquePointer?
        unsafe nghttp2_option_new(&option)
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        // It counts each piece in which the head of such a frame comes, nine at most; our guard counts frames.
        unsafe nghttp2_option_set_max_continuations(option, 9 * HTTP2FloodGuard.continuations)
        // HTTP2HeaderBlock decides who may.
        unsafe nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1)
        // Of what one read brings: each PING and SETTINGS has an answer. More are not read before these are taken.
        unsafe nghttp2_option_set_max_outbound_ack(option, 16384)
        // Frames of unknown types are ignored, but counted.
        for type in UInt8(10)...255 {
            unsafe nghttp2_option_set_user_recv_extension_type(option, type)
        }
        // It counts resets of calls that the server has ended, which Go's and C++'s clients send as a matter of course.
        // The others are counted by us.
        unsafe nghttp2_option_set_stream_reset_rate_limit(option, 1 << 31, 1 << 31)
        let callbacks = unsafe Self.makeCallbacks()
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        switch role {
        case .server: unsafe nghttp2_session_server_new2(&session, callbacks, user, option)
        case .client: unsafe nghttp2_session_client_new2(&session, callbacks, user, option)
        }
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(option)
        submitSettings()
    }

    deinit {
        assert(!isDriving)
        unsafe nghttp2_session_del(session)
    }

    private func submitSettings() {
        var entries = [
            (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindow),
            (NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings.maximumFrame),
            (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(settings.maximumHeaderList)),
        ]
        entries.append(
            role == .server
                ? (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maximumStreams)
                : (NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        submit(entries)
        setConnectionWindow(settings.connectionWindow)
    }

    private func submit(_ entries: [(nghttp2_settings_id, UInt32)]) {
        let list = entries.map { nghttp2_settings_entry(settings_id: Int32($0.rawValue), value: $1) }
        unsafe nghttp2_submit_settings(session, 0, list, list.count)
    }

    private func setConnectionWindow(_ size: Int32) {
        guard unsafe nghttp2_session_get_effective_local_window_size(session) < size else { return }
        unsafe nghttp2_session_set_local_window_size(session, 0, 0, size)
    }

    // MARK: Driving

    /// Takes bytes of the peer.
    func receive(_ bytes: Span<UInt8>, at now: UInt64) {
        guard failure == nil else { return }
        self.now = now
        let count = drive {
            unsafe bytes.withUnsafeBufferPointer {
                unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
            }
        }
        if count < 0 { fail(Self.code(of: Int32(count))) }
    }

    /// - Parameter taken: empty; gets the events. Its memory serves those that come.
    func takeEvents(into taken: inout [Event]) { swap(&events, &taken) }

    /// Takes what is to be sent, frame by frame, up to about `limit` bytes; less when there is no more for now. Comes back
    /// to ``reuse(_:)`` once it is sent.
    func output(_ limit: Int) -> HTTP2Output {
        guard failure == nil else {
            var output = HTTP2Output()
            output.append(farewell())
            return output
        }
        if leftover > 0 {
            unsafe nghttp2_session_consume_connection(session, leftover)
            leftover = 0
        }
        while outgoing.count < limit {
            var frame: UnsafePointer<UInt8>?
            let count = drive { unsafe nghttp2_session_mem_send(session, &frame) }
            guard count >= 0 else {
                fail(.internalError)
                outgoing.append(farewell())
                break
            }
            guard count > 0 else { break }
            unsafe outgoing.append(UnsafeBufferPointer(start: frame, count: count))
        }
        defer { outgoing = HTTP2Output() }
        return outgoing
    }

    /// Keeps the memory of an output for the next one, where it is short.
    func reuse(_ output: consuming HTTP2Output) {
        output.removeAll()
        outgoing = output
    }

    private func drive(_ body: () -> Int) -> Int {
        assert(!isDriving)
        isDriving = true
        defer { isDriving = false }
        return body()
    }

    func fail(_ code: HTTP2ErrorCode) {
        if failure == nil { failure = code }
    }

    /// GOAWAY by our own hand: after a fatal error nghttp2 says nothing any more.
    private func farewell() -> [UInt8] {
        guard let failure, !hasSaidFailure else { return [] }
        hasSaidFailure = true
        let numbers = [UInt32(bitPattern: lastPeerStream), failure.rawValue]
        return [0, 0, 8, UInt8(NGHTTP2_GOAWAY.rawValue), 0, 0, 0, 0, 0]
            + numbers.flatMap { number in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) } }
    }

    private static func code(of error: Int32) -> HTTP2ErrorCode {
        switch nghttp2_error(error) {
        case NGHTTP2_ERR_FLOODED, NGHTTP2_ERR_TOO_MANY_CONTINUATIONS, NGHTTP2_ERR_CALLBACK_FAILURE: .enhanceYourCalm
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC: .protocolError
        default: .internalError
        }
    }

    /// Nothing can be said any more: after a fatal error, or when GOAWAY is through and the last stream closed.
    var isFinished: Bool {
        if failure != nil { return hasSaidFailure }
        return unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Frames that wait to be sent, other than bodies.
    var waitingFrames: Int { unsafe nghttp2_session_get_outbound_queue_size(session) }

    /// So much waits that no stream should add much.
    var isCrowded: Bool {
        waiting > (floodGuard.isOfStranger ? settings.crowdedByStranger : settings.crowded)
    }

    // MARK: Connection

    /// Opens the windows for large transfers: of all streams for an agent; those of a browser grow one by one as their
    /// bodies are read.
    func growWindows(_ trust: HTTP2Trust) {
        switch trust {
        case .none: break
        case .web: setConnectionWindow(settings.grownConnectionWindow / 4)
        case .agent:
            submit([(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.grownStreamWindow)])
            setConnectionWindow(settings.grownConnectionWindow)
        }
    }

    func ping() { unsafe nghttp2_submit_ping(session, 0, nil) }

    /// Says that no more streams are taken, while those that the peer is about to begin still are.
    func announceShutdown() {
        if role == .server { unsafe nghttp2_submit_shutdown_notice(session) }
    }

    /// Says GOAWAY; streams that are open go on.
    func goAway(_ code: HTTP2ErrorCode = .noError) {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe nghttp2_submit_goaway(session, 0, last, code.rawValue, nil, 0)
    }

    // MARK: Streams

    func stream(_ id: Int32) -> HTTP2Stream? {
        if let lastFound, lastFound.id == id { return lastFound }
        lastFound = streams[id]
        return lastFound
    }

    /// Nothing is submitted to a stream that is closed, or about to be.
    private func isOpen(_ stream: HTTP2Stream) -> Bool { self.stream(stream.id) === stream && !stream.isResetHere }

    /// Client: begins a request, once the peer allows one more stream.
    /// - Returns: `nil` when the connection takes no more.
    func request(_ request: HTTPRequest, endStream: Bool, of link: HTTP2Link) -> HTTP2Stream? {
        var id: Int32 = 0
        unsafe withNameValues(HTTP2HeaderBlock.pseudoFields(of: request), request.headerFields) { fields in
            id = unsafe withBodySource(unless: endStream) { body in
                unsafe nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, body, nil)
            }
        }
        guard id > 0 else { return nil }
        let stream = HTTP2Stream(id, of: link)
        stream.hasHead = true
        streams[id] = stream
        return stream
    }

    /// Begins the answer: its fields, then what is written until the end, or nothing more.
    func respond(_ response: HTTPResponse, to stream: HTTP2Stream, endStream: Bool) {
        guard isOpen(stream), !stream.hasHead else { return }
        stream.hasHead = true
        unsafe withNameValues([(":status", String(response.status.code))], response.headerFields) { fields in
            let result = unsafe withBodySource(unless: endStream) { body in
                unsafe nghttp2_submit_response(session, stream.id, fields.baseAddress, fields.count, body)
            }
            if result != 0 { resetNow(stream, .internalError) }
        }
    }

    func respondInterim(_ status: HTTPResponse.Status, to stream: HTTP2Stream) {
        guard isOpen(stream), !stream.hasHead else { return }
        unsafe withNameValues([(":status", String(status.code))], [:]) { fields in
            _ = unsafe nghttp2_submit_headers(session, 0, stream.id, nil, fields.baseAddress, fields.count, nil)
        }
    }

    func write(_ bytes: [UInt8], to stream: HTTP2Stream) {
        guard isOpen(stream), stream.ending == nil, !bytes.isEmpty else { return }
        stream.outbox.append(bytes)
        waiting += bytes.count
        resume(stream)
    }

    func end(_ stream: HTTP2Stream, trailers: HTTPFields?) {
        guard isOpen(stream), stream.ending == nil else { return }
        if let trailers, !trailers.isEmpty { stream.ending = .trailers(trailers) } else { stream.ending = .endStream }
        resume(stream)
    }

    func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard isOpen(stream) else { return }
        resetNow(stream, code)
        // A request that waits for others to end is closed now; nghttp2 does it when its turn comes.
        if role == .client, !stream.hasBegun { closed(stream.id, code) }
    }

    /// Resets a stream for a fault of the peer, which counts as one of its own resets.
    func resetMalformed(_ stream: HTTP2Stream) {
        guard isOpen(stream) else { return }
        unsafe nghttp2_submit_rst_stream(session, 0, stream.id, HTTP2ErrorCode.protocolError.rawValue)
    }

    private func resetNow(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        stream.isResetHere = true
        unsafe nghttp2_submit_rst_stream(session, 0, stream.id, code.rawValue)
    }

    /// Lets the peer send as many bytes more.
    func consume(_ count: Int, of stream: HTTP2Stream) {
        let count = min(count, stream.unconsumed)
        guard count > 0, self.stream(stream.id) === stream else { return }
        stream.unconsumed -= count
        unsafe nghttp2_session_consume(session, stream.id, count)
    }

    func growWindow(of stream: HTTP2Stream) {
        guard isOpen(stream) else { return }
        let size = Int32(clamping: settings.grownStreamWindow)
        if unsafe nghttp2_session_get_stream_effective_local_window_size(session, stream.id) < size {
            unsafe nghttp2_session_set_local_window_size(session, 0, stream.id, size)
        }
        setConnectionWindow(4 * size)
    }

    private func resume(_ stream: HTTP2Stream) {
        guard stream.isDeferred else { return }
        stream.isDeferred = false
        unsafe nghttp2_session_resume_data(session, stream.id)
    }
}
