import CUV
import Glibc

/// Signals to the process.
package enum Signals {
    /// Has writes to sockets and pipes that nobody reads, and to files that may not grow, fail, and not end the process. To be
    /// called at the start.
    package static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Those that end a program in good order: the last is a terminal's that closes, unless whoever started the program has
    /// it ignored (`nohup`).
    package static var ends: [Int32] {
        var action = sigaction()
        let isKnown = unsafe sigaction(SIGHUP, nil, &action) == 0
        let isIgnored = unsafe isKnown && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
        return [SIGTERM, SIGINT] + (isIgnored ? [] : [SIGHUP])
    }

    /// Catches signals from now on, for as long as the loop runs: none of them ends the process any more, those included
    /// that nobody waits for.
    /// - Returns: the numbers of those that come. More than 16 that wait are dropped.
    package static func catching(_ numbers: [Int32], on loop: EventLoop = .shared) async -> AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self, bufferingPolicy: .bufferingOldest(16))
        await loop.run { loop in
            for number in numbers { SignalHandle(number, on: loop) { continuation.yield($0) } }
        }
        return stream
    }
}

/// A signal that a loop catches. It lives as long as the loop.
@safe final class SignalHandle: LoopResource {
    private let loop: EventLoop
    private let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
    private let caught: @Sendable (Int32) -> Void

    @discardableResult
    init(_ number: Int32, on loop: isolated EventLoop, caught: @escaping @Sendable (Int32) -> Void) {
        self.loop = loop
        self.caught = caught
        super.init()
        unsafe uv_signal_init(loop.executor.uv, handle)
        unsafe handle.pointee.data = Unmanaged.passRetained(self as LoopResource).toOpaque()
        unsafe uv_signal_start(
            handle,
            { handle, number in
                let me = unsafe unsafeDowncast(
                    Unmanaged<LoopResource>.fromOpaque(handle!.pointee.data).takeUnretainedValue(),
                    to: SignalHandle.self)
                me.caught(number)
            }, number)
    }

    deinit { unsafe handle.deallocate() }

    override func loopStops(on loop: isolated EventLoop) {
        unsafe uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            unsafe Unmanaged<LoopResource>.fromOpaque(handle!.pointee.data).release()
        }
    }
}
