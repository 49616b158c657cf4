import CNghttp2

/// What nghttp2 calls, always inside of `receive` or `output`.
extension HTTP2Session {
    private static func of(_ user: UnsafeMutableRawPointer?) -> HTTP2Session {
        unsafe Unmanaged<HTTP2Session>.fromOpaque(user!).takeUnretainedValue()
    }

    private static let failed = NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
    private static let refused = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue

    static func makeCallbacks() -> OpaquePointer? {
        var callbacks: OpaquePointer?
        unsafe nghttp2_session_callbacks_new(&callbacks)
        unsafe setReceiving(callbacks)
        unsafe setIgnoring(callbacks)
        unsafe setSending(callbacks)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, session in
            unsafe HTTP2Session.of(session).closed(id, HTTP2ErrorCode(rawValue: code))
            return 0
        }
        return unsafe callbacks
    }

    private static func setReceiving(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, session in
            unsafe HTTP2Session.of(session).beginFrame(header!.pointee) ? 0 : HTTP2Session.failed
        }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, session in
            unsafe HTTP2Session.of(session).beginHeaders(frame!.pointee.hd.stream_id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, _, name, nameLength, value, valueLength, _, session in
            let name = unsafe UnsafeBufferPointer(start: name, count: nameLength)
            let value = unsafe UnsafeBufferPointer(start: value, count: valueLength)
            return unsafe HTTP2Session.of(session).append(name, value) ? 0 : HTTP2Session.failed
        }
        // By default such a field is left out; a request that has one is malformed.
        unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks) { _, _, _, _, _, _, _, _ in
            HTTP2Session.refused
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) { _, _, id, bytes, count, session in
            unsafe HTTP2Session.of(session).received(UnsafeBufferPointer(start: bytes, count: count), on: id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, session in
            unsafe HTTP2Session.of(session).received(frame!) ? 0 : HTTP2Session.failed
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, _, session in
            unsafe HTTP2Session.of(session).receivedInvalid(frame!.pointee.hd.stream_id) ? 0 : HTTP2Session.failed
        }
    }

    private static func setIgnoring(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_unpack_extension_callback(callbacks) { _, _, _, _ in
            NGHTTP2_ERR_CANCEL.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks) { _, _, _, _, _ in 0 }
    }

    private static func setSending(_ callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks) {
            _, _, _, connectionWindow, streamWindow, maximumFrame, _ in
            Int(min(connectionWindow, streamWindow, Int32(clamping: min(maximumFrame, 256 << 10 + 64))))
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, frame, header, length, _, session in
            let header = unsafe UnsafeBufferPointer(start: header, count: 9)
            unsafe HTTP2Session.of(session).send(header, length, on: frame!.pointee.hd.stream_id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, session in
            unsafe HTTP2Session.of(session).sent(frame!)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, _, session in
            unsafe HTTP2Session.of(session).notSent(frame!.pointee)
            return 0
        }
    }

    // MARK: Receiving

    /// - Returns: whether the connection may go on.
    private func beginFrame(_ header: nghttp2_frame_hd) -> Bool {
        // The head of a stream that is over, or was passed over, is ignored.
        let isStray = role == .server && header.isHeaders && header.stream_id <= lastPeerStream
        return check(
            floodGuard.received(header, at: now)
                && (!isStray || stream(header.stream_id) != nil || floodGuard.countControl(at: now)))
    }

    private func check(_ isFine: Bool) -> Bool {
        if !isFine { fail(.enhanceYourCalm) }
        return isFine
    }

    /// What is open is counted when it is closed for that.
    private func receivedInvalid(_ id: Int32) -> Bool {
        stream(id) != nil || check(floodGuard.countReset(at: now))
    }

    private func beginHeaders(_ id: Int32) {
        headers = HTTP2HeaderBlock(maximum: settings.maximumHeaderList)
        guard role == .server, streams[id] == nil else { return }
        lastPeerStream = max(lastPeerStream, id)
        streams[id] = HTTP2Stream(id, of: nil)
    }

    private func append(_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        unsafe headers.append(name, value)
        return check(floodGuard.decoded(name.count + value.count + 32, at: now))
    }

    private func received(_ bytes: UnsafeBufferPointer<UInt8>, on id: Int32) {
        guard let stream = stream(id) else {
            leftover += bytes.count
            return
        }
        stream.unconsumed += bytes.count
        // Frames that came together are one piece.
        if case .data(let last, var joined)? = events.last, last === stream {
            events.removeLast()
            unsafe joined += bytes
            events.append(.data(stream, joined))
        } else {
            unsafe events.append(.data(stream, Array(bytes)))
        }
    }

    private func received(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let header = unsafe frame.pointee.hd
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_HEADERS:
            if let stream = stream(header.stream_id) { receivedHeaders(of: stream, ends: header.endsStream) }
        case NGHTTP2_DATA:
            // Padding is no body.
            let padding = unsafe frame.pointee.data.padlen
            if header.length > 0, header.length == padding, !header.endsStream {
                return check(floodGuard.countControl(at: now))
            }
            if header.endsStream, let stream = stream(header.stream_id) { ended(stream, trailers: nil) }
        case NGHTTP2_SETTINGS:
            if !header.isAcknowledgement { events.append(.settings) }
        case NGHTTP2_PING:
            if header.isAcknowledgement { events.append(.pong) }
        case NGHTTP2_GOAWAY:
            let goAway = unsafe frame.pointee.goaway
            let debug = unsafe UnsafeBufferPointer(start: goAway.opaque_data, count: min(goAway.opaque_data_len, 256))
            unsafe events.append(.goAway(HTTP2ErrorCode(rawValue: goAway.error_code), debug: Array(debug)))
        default: break
        }
        return true
    }

    private func receivedHeaders(of stream: HTTP2Stream, ends: Bool) {
        let headers = headers
        self.headers = HTTP2HeaderBlock()
        switch role {
        case .server where !stream.hasRequest:
            stream.hasRequest = true
            stream.headSize = headers.size
            switch headers.request() {
            case .success(let request):
                stream.request = request
                events.append(.request(stream))
            case .failure(.answer(let status)): events.append(.refused(stream, status))
            case .failure(.malformed): events.append(.malformed(stream))
            }
            if ends { ended(stream, trailers: nil) }
        case .client where !stream.hasResponseHead:
            guard !headers.isTooLarge else {
                stream.fault = .enhanceYourCalm
                return events.append(.refused(stream, .requestHeaderFieldsTooLarge))
            }
            let response = headers.response()
            guard response.status.kind != .informational else { return }
            stream.hasResponseHead = true
            events.append(.response(stream, response))
            if ends { ended(stream, trailers: nil) }
        case .server where headers.isTooLarge: events.append(.malformed(stream))
        default:
            if ends { ended(stream, trailers: headers.isTooLarge ? [:] : headers.fields) }
        }
    }

    private func ended(_ stream: HTTP2Stream, trailers: HTTPFields?) {
        stream.hasEndedThere = true
        events.append(.ended(stream, trailers: trailers))
    }

    func closed(_ id: Int32, _ code: HTTP2ErrorCode) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        leftover += stream.unconsumed
        stream.unconsumed = 0
        waiting -= stream.outbox.count
        // A stream that the peer ended before we had: by a reset, or by a fault that had us reset it.
        if code != .noError, !stream.hasEndedHere, !stream.isResetHere, !floodGuard.countReset(at: now) {
            fail(.enhanceYourCalm)
        }
        events.append(.closed(stream, stream.fault ?? code))
    }

    // MARK: Sending

    /// The body source: what is there, else the end, else nothing for now. The bytes go straight to the output.
    func withBodySource(
        unless hasNone: Bool, _ body: (UnsafePointer<nghttp2_data_provider>?) -> Int32
    ) -> Int32 {
        if hasNone { return body(nil) }
        var source = unsafe nghttp2_data_provider()
        unsafe source.read_callback = { _, id, _, length, flags, _, session in
            unsafe HTTP2Session.of(session).read(id, upTo: length, &flags!.pointee)
        }
        return unsafe withUnsafePointer(to: &source) { unsafe body($0) }
    }

    private func read(_ id: Int32, upTo limit: Int, _ flags: inout UInt32) -> Int {
        guard let stream = stream(id) else { return Int(Self.refused) }
        let count = min(limit, stream.outbox.count)
        flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        guard count == stream.outbox.count else { return count }
        switch stream.ending {
        case .endStream:
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
        case .trailers(let trailers):
            flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            unsafe withNameValues([], trailers) {
                _ = unsafe nghttp2_submit_trailer(session, id, $0.baseAddress, $0.count)
            }
        case nil where count == 0:
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case nil: break
        }
        return count
    }

    private func send(_ header: UnsafeBufferPointer<UInt8>, _ length: Int, on id: Int32) {
        unsafe outgoing.append(header)
        guard let stream = stream(id) else { return }
        let before = stream.outbox.count
        stream.outbox.move(length, to: &outgoing)
        waiting -= length
        if before >= HTTP2Stream.lowMark, stream.outbox.count < HTTP2Stream.lowMark { events.append(.writable(stream)) }
    }

    private func sent(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        if UInt32(header.type) == NGHTTP2_GOAWAY.rawValue {
            let code = unsafe frame.pointee.goaway.error_code
            if code != HTTP2ErrorCode.noError.rawValue { fault = HTTP2ErrorCode(rawValue: code) }
        }
        if header.isHeaders || header.isData { floodGuard.sent() }
        guard let stream = stream(header.stream_id) else { return }
        stream.hasBegun = true
        guard header.endsStream else { return }
        stream.hasEndedHere = true
        events.append(.answered(stream))
    }

    /// A request that could not be begun has no stream that closes.
    private func notSent(_ frame: nghttp2_frame) {
        guard unsafe frame.hd.isHeaders, role == .client, unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST,
            unsafe nghttp2_session_find_stream(session, frame.hd.stream_id) == nil
        else { return }
        unsafe closed(frame.hd.stream_id, .refusedStream)
    }
}

extension nghttp2_frame_hd {
    var isHeaders: Bool { UInt32(type) == NGHTTP2_HEADERS.rawValue }
    var isData: Bool { UInt32(type) == NGHTTP2_DATA.rawValue }

    /// The flag is that of DATA and HEADERS only: on SETTINGS and PING the same bit says ACK.
    var endsStream: Bool { (isHeaders || isData) && UInt32(flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0 }

    /// Of SETTINGS and PING.
    var isAcknowledgement: Bool { UInt32(flags) & NGHTTP2_FLAG_ACK.rawValue != 0 }
}
