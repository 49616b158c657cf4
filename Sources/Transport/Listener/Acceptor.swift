import CUV
import Glibc
import Logging

/// Where an acceptor takes connections from, and how it sees how many descriptors are open; tests have their own.
struct AcceptSource: Sendable {
    var descriptor: Int32
    var accept: @Sendable () -> ListeningSocket.Accepted
    /// A new descriptor is always the lowest that is free.
    var lowestFree: @Sendable () -> Int32?
    var limit: @Sendable () -> Int

    init(_ socket: ListeningSocket) {
        descriptor = socket.descriptor
        accept = { socket.accept() }
        lowestFree = {
            let copy = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { return nil }
            Glibc.close(copy)
            return copy
        }
        limit = { DescriptorLimit.current }
    }
}

/// The loop's side of a ``Listener``: polls the socket, accepts, and pauses while descriptors are short.
@safe final class Acceptor: LoopResource {
    /// A turn of the loop is not for one listener alone.
    private static let connectionsATurn = 64
    /// Milliseconds until descriptors are looked at again.
    private static let pause: UInt64 = 100
    /// Milliseconds between two lines of the log on the same matter.
    private static let quiet: UInt64 = 60_000

    private let source: AcceptSource
    private let group: EventLoopGroup
    private let options: Listener.Options
    private let start: AcceptedStart
    private let logger: Logger
    private let loop: EventLoop
    private let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    private var pauseTimer: EventLoop.Timer?
    private var isClosed = false

    private(set) var pauses = 0
    private var pausesTold = 0
    private var lastTold: UInt64?

    init(
        _ source: AcceptSource, tls: TLSContext?, group: EventLoopGroup, options: Listener.Options, logger: Logger,
        makeProtocol: @escaping ProtocolFactory, on loop: isolated EventLoop
    ) {
        self.source = source
        self.group = group
        self.options = options
        self.logger = logger
        self.loop = loop
        start = AcceptedStart(tls: tls, handshakeLimit: options.handshakeLimit, makeProtocol: makeProtocol)
        super.init()
        unsafe uv_poll_init(loop.executor.uv, poll, source.descriptor)
        unsafe poll.pointee.data = Unmanaged.passRetained(self as LoopResource).toOpaque()
        startPolling()
    }

    deinit { unsafe poll.deallocate() }

    override func loopStops(on loop: isolated EventLoop) { close(on: loop) }

    private func startPolling() {
        unsafe uv_poll_start(poll, Int32(UV_READABLE.rawValue)) { poll, _, _ in
            let me = unsafe unsafeDowncast(
                Unmanaged<LoopResource>.fromOpaque(poll!.pointee.data).takeUnretainedValue(), to: Acceptor.self)
            me.loop.enter(me) { me, loop in me.accept(on: loop) }
        }
    }

    private func accept(on loop: isolated EventLoop) {
        for _ in 0..<Self.connectionsATurn {
            switch source.accept() {
            case .none: return
            case .lost: continue
            case .exhausted: return pausePolling(on: loop)
            case .connection(let descriptor, let peer):
                admit(descriptor, peer)
                if Int(descriptor) >= ceiling { return pausePolling(on: loop) }
            }
        }
    }

    private func admit(_ descriptor: Int32, _ peer: SocketAddress?) {
        var info = ConnectionInfo(peer: peer, isSecure: false)
        if let book = options.book {
            guard let place = book.admit(peer) else {
                Glibc.close(descriptor)
                return
            }
            info.place = place
        }
        start.start(descriptor, info, on: group.next())
    }

    // MARK: Descriptors

    /// The descriptor from which on there are too many.
    private var ceiling: Int { source.limit() - options.reservedDescriptors }

    /// Descriptors come back when connections end, of which nobody tells: they are looked at a few times a second.
    private func pausePolling(on loop: isolated EventLoop) {
        guard !isClosed, pauseTimer == nil else { return }
        unsafe uv_poll_stop(poll)
        pauses += 1
        tell(on: loop)
        schedulePause(on: loop)
    }

    private func schedulePause(on loop: isolated EventLoop) {
        pauseTimer = loop.schedule(after: Self.pause) { [unowned self] in
            pauseTimer = nil
            if let free = source.lowestFree(), Int(free) < ceiling {
                startPolling()
            } else {
                schedulePause(on: loop)
            }
        }
    }

    private func tell(on loop: isolated EventLoop) {
        if let lastTold, loop.now - lastTold < Self.quiet { return }
        lastTold = loop.now
        logger.warning(
            "no descriptors are left for new connections; they wait until others end",
            metadata: ["limit": "\(source.limit())", "times": "\(pauses - pausesTold)"])
        pausesTold = pauses
    }

    // MARK: Closing

    func close(on loop: isolated EventLoop) {
        guard !isClosed else { return }
        isClosed = true
        if let pauseTimer { loop.cancel(pauseTimer) }
        pauseTimer = nil
        unsafe uv_poll_stop(poll)
        unsafe uv_close(UnsafeMutableRawPointer(poll).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            unsafe Unmanaged<LoopResource>.fromOpaque(handle!.pointee.data).release()
        }
        Glibc.close(source.descriptor)
        start.stop()
    }
}
