import CUV
import Glibc

/// A connected stream socket. It keeps itself alive until libuv has closed it.
@safe package final class TCPConnection: LoopResource, ByteTransport {
    /// Bytes that may wait to be written before ``isWritable`` is false.
    package static let highMark = 256 << 10

    private let loop: EventLoop
    private let tcp = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
    private var speaker: (any ByteProtocol)?
    /// The peer's address when it was connected.
    package let peer: SocketAddress?

    private var isClosed = false
    package private(set) var failure: SystemError?
    private var isPaused = false
    private var hasReceivedEnd = false
    /// How many bytes libuv has and the socket does not.
    private var inFlight = 0
    /// What waits behind them.
    private var waiting = SendQueue()
    private var end = End.open

    private enum End {
        case open
        /// The sending side ends when all is written, or has ended.
        case sendingEnds
        case closesWhenSent
    }

    /// When bytes last went in or out, on the loop's clock.
    package private(set) var lastActivity: UInt64

    /// Takes a connected socket over, also the duty to close it.
    /// - Parameter makeSpeaker: makes what is spoken. When the socket turns out to be unusable its `closed` is called,
    ///   before this returns.
    @discardableResult
    package init(
        _ descriptor: Int32, peer: SocketAddress? = nil, on loop: isolated EventLoop,
        makeSpeaker: (TCPConnection) -> any ByteProtocol
    ) {
        self.loop = loop
        self.peer = peer ?? SocketAddress.peer(of: descriptor)
        lastActivity = loop.now
        super.init()
        unsafe uv_tcp_init(loop.executor.uv, tcp)
        unsafe tcp.pointee.data = Unmanaged.passRetained(self as LoopResource).toOpaque()
        let isOpen = unsafe uv_tcp_open(tcp, descriptor) == 0
        if !isOpen { _ = Glibc.close(descriptor) }
        // Answers are whole when they are sent: waiting for more to send gains nothing. Fails for a socket of another
        // kind, which has no such delay.
        _ = unsafe uv_tcp_nodelay(tcp, 1)
        let speaker = makeSpeaker(self)
        guard !isClosed else {
            speaker.closed(on: loop)
            return
        }
        self.speaker = speaker
        guard !isPaused else { return }
        if !isOpen || !startReading() { close(on: loop) }
    }

    deinit { unsafe tcp.deallocate() }

    override func loopStops(on loop: isolated EventLoop) { close(on: loop) }

    /// The address of this end.
    package var localAddress: SocketAddress? { isClosed ? nil : SocketAddress.local(of: descriptor) }

    var descriptor: Int32 {
        var descriptor: Int32 = -1
        unsafe uv_fileno(handle, &descriptor)
        return descriptor
    }

    // MARK: Reading

    package func pauseReceiving(on loop: isolated EventLoop) {
        guard !isPaused, !isClosed else { return }
        isPaused = true
        unsafe uv_read_stop(stream)
    }

    package func resumeReceiving(on loop: isolated EventLoop) {
        guard isPaused, !isClosed, end != .closesWhenSent else { return }
        isPaused = false
        if !hasReceivedEnd, !startReading() { close(on: loop) }
    }

    private func startReading() -> Bool {
        unsafe uv_read_start(
            stream,
            { handle, _, buffer in
                let me = unsafe TCPConnection.of(handle!.pointee.data)
                unsafe me.loop.enter(buffer!) { buffer, loop in unsafe loop.lend(buffer) }
            },
            { stream, count, buffer in
                guard count != 0 else { return }
                let bytes = unsafe UnsafeRawBufferPointer(start: buffer!.pointee.base, count: max(count, 0))
                let me = unsafe TCPConnection.of(stream!.pointee.data)
                let input = unsafe (bytes.assumingMemoryBound(to: UInt8.self), status: Int32(clamping: min(count, 0)))
                unsafe me.loop.enter((me, input)) { argument, loop in
                    let (me, input) = unsafe argument
                    unsafe me.read(input.0.span, status: input.status, on: loop)
                }
            }) == 0
    }

    /// - Parameter status: libuv's, below 0, where there are no bytes.
    private func read(_ bytes: Span<UInt8>, status: Int32, on loop: isolated EventLoop) {
        guard let speaker else { return }
        if !bytes.isEmpty {
            lastActivity = loop.now
            speaker.received(bytes, on: loop)
        } else if status == UV_EOF.rawValue {
            hasReceivedEnd = true
            speaker.receivedEnd(on: loop)
        } else {
            failure = SystemError(code: -status)
            close(on: loop)
        }
    }

    // MARK: Writing

    package var isWritable: Bool { !isClosed && inFlight + waiting.count < Self.highMark }

    package var isDrained: Bool { inFlight == 0 }

    /// Writes at once what the socket takes; the rest is queued.
    package func send(_ bytes: [UInt8], on loop: isolated EventLoop) {
        guard !isClosed, !bytes.isEmpty, end == .open else { return }
        guard inFlight == 0 else { return waiting.append(bytes[...]) }
        let written = unsafe bytes.withUnsafeBytes { bytes in
            var buffer = unsafe uv_buf_t(UnsafeMutableRawBufferPointer(mutating: bytes))
            return unsafe max(0, Int(uv_try_write(stream, &buffer, 1)))
        }
        if written > 0 { lastActivity = loop.now }
        guard written < bytes.count else { return }
        waiting.append(bytes[written...])
        writeFirst(on: loop)
    }

    /// As ``send(_:on:)``; what the socket takes at once is copied by nobody but the system.
    package func send(pieces: [ArraySlice<UInt8>], on loop: isolated EventLoop) {
        guard !isClosed, end == .open else { return }
        for piece in pieces { waiting.append(piece) }
        if inFlight == 0 { writeWaiting(on: loop) }
    }

    /// Writes what waits as far as the socket takes it; libuv gets the beginning of the rest.
    private func writeWaiting(on loop: isolated EventLoop) {
        while waiting.count > 0 {
            let pieces = waiting.first(Self.piecesAtOnce)
            let wanted = pieces.reduce(0) { $0 + $1.count }
            var buffers: [uv_buf_t] = unsafe []
            let written = unsafe tryWrite(pieces, &buffers)
            if written > 0 { lastActivity = loop.now }
            waiting.removeFirst(written)
            guard written == wanted else { return writeFirst(on: loop) }
        }
    }

    /// Pieces in one system call.
    private static let piecesAtOnce = 16
    /// Bytes that libuv keeps a copy of until the socket takes more.
    private static let copied = 64 << 10

    /// - Parameter buffers: those of the pieces before.
    /// - Returns: how many bytes the socket took.
    private func tryWrite(_ pieces: ArraySlice<ArraySlice<UInt8>>, _ buffers: inout [uv_buf_t]) -> Int {
        guard let piece = pieces.first else {
            return unsafe max(0, Int(uv_try_write(stream, &buffers, UInt32(buffers.count))))
        }
        return unsafe piece.withUnsafeBytes { bytes in
            unsafe buffers.append(uv_buf_t(UnsafeMutableRawBufferPointer(mutating: bytes)))
            return unsafe tryWrite(pieces.dropFirst(), &buffers)
        }
    }

    /// The socket is full: libuv waits for it with the first bytes, and the others follow when these are gone.
    private func writeFirst(on loop: isolated EventLoop) {
        guard let piece = waiting.first(1).first else { return }
        let bytes = piece.prefix(Self.copied)
        waiting.removeFirst(bytes.count)
        write(bytes, on: loop)
    }

    /// Has libuv write bytes; request and bytes are one piece of memory.
    private func write(_ bytes: ArraySlice<UInt8>, on loop: isolated EventLoop) {
        let head = unsafe MemoryLayout<uv_write_t>.stride
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: head + bytes.count, alignment: 16)
        let copy = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[head...])
        unsafe copy.copyBytes(from: bytes)
        let request = unsafe memory.baseAddress!.bindMemory(to: uv_write_t.self, capacity: 1)
        var buffer = unsafe uv_buf_t(copy)
        inFlight = bytes.count
        let status = unsafe uv_write(request, stream, &buffer, 1) { request, status in
            let stream = unsafe request!.pointee.handle!
            unsafe UnsafeMutableRawPointer(request!).deallocate()
            let me = unsafe TCPConnection.of(stream.pointee.data)
            me.loop.enter((me, status)) { $0.0.wrote($0.1, on: $1) }
        }
        guard status != 0 else { return }
        unsafe memory.deallocate()
        close(on: loop)
    }

    private func wrote(_ status: Int32, on loop: isolated EventLoop) {
        guard !isClosed else { return }
        guard status == 0 else { return close(on: loop) }
        lastActivity = loop.now
        inFlight = 0
        writeWaiting(on: loop)
        guard inFlight == 0, !isClosed else { return }
        switch end {
        case .open: speaker?.writable(on: loop)
        case .sendingEnds: shutDown(on: loop)
        case .closesWhenSent: close(on: loop)
        }
    }

    package func finishSending(on loop: isolated EventLoop) {
        guard !isClosed, end == .open else { return }
        end = .sendingEnds
        if isDrained { shutDown(on: loop) }
    }

    private func shutDown(on loop: isolated EventLoop) {
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let status = unsafe uv_shutdown(request, stream) { request, _ in unsafe request!.deallocate() }
        guard status != 0 else { return }
        unsafe request.deallocate()
        // The peer has gone before.
        close(on: loop)
    }

    package func limitUnacknowledged(milliseconds: Int, on loop: isolated EventLoop) {
        guard !isClosed else { return }
        var value = UInt32(clamping: milliseconds)
        // Fails for a socket that is no TCP socket; there is no network between its ends.
        _ = unsafe setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &value, socklen_t(MemoryLayout<UInt32>.size))
    }

    // MARK: Closing

    package func closeWhenSent(on loop: isolated EventLoop) {
        guard !isClosed else { return }
        guard !isDrained else { return close(on: loop) }
        pauseReceiving(on: loop)
        end = .closesWhenSent
    }

    package func close(on loop: isolated EventLoop) { close(resetting: false, on: loop) }

    /// Closes at once.
    /// - Parameter resetting: tells the peer by a reset that nothing more comes and nothing was taken.
    package func close(resetting: Bool, on loop: isolated EventLoop) {
        guard !isClosed else { return }
        isClosed = true
        waiting = SendQueue()
        let speaker = speaker
        self.speaker = nil
        let release: uv_close_cb = { handle in
            unsafe Unmanaged<LoopResource>.fromOpaque(handle!.pointee.data).release()
        }
        // A socket whose sending side has ended cannot be reset any more.
        if unsafe !resetting || uv_tcp_close_reset(tcp, release) != 0 { unsafe uv_close(handle, release) }
        speaker?.closed(on: loop)
    }

    // MARK: libuv

    private var stream: UnsafeMutablePointer<uv_stream_t> {
        unsafe UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_stream_t.self)
    }

    private var handle: UnsafeMutablePointer<uv_handle_t> {
        unsafe UnsafeMutableRawPointer(tcp).assumingMemoryBound(to: uv_handle_t.self)
    }

    /// The connection that a handle carries.
    private static func of(_ data: UnsafeMutableRawPointer) -> TCPConnection {
        unsafe unsafeDowncast(
            Unmanaged<LoopResource>.fromOpaque(data).takeUnretainedValue(), to: TCPConnection.self)
    }
}

extension uv_buf_t {
    fileprivate init(_ bytes: UnsafeMutableRawBufferPointer) {
        unsafe self.init(base: bytes.baseAddress!.assumingMemoryBound(to: CChar.self), len: bytes.count)
    }
}
