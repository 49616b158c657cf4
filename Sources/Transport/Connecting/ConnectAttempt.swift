import CLinux
import CUV
import Glibc

/// A socket on its way to one address.
@safe final class ConnectAttempt: LoopResource {
    private let loop: EventLoop
    private let descriptor: Int32
    private let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    private var whenOver: ((Result<Int32, SystemError>) -> Void)?

    /// - Parameter whenOver: gets the connected descriptor, which is its to close, or what went wrong; once, and not
    ///   before this has returned. It isn't called after ``cancel(on:)``.
    init(
        _ address: SocketAddress, on loop: isolated EventLoop,
        whenOver: @escaping (Result<Int32, SystemError>) -> Void
    ) throws(SystemError) {
        self.loop = loop
        let descriptor = socket(
            address.family,
            linux_sock_stream | linux_sock_cloexec | linux_sock_nonblock, 0)
        guard descriptor >= 0 else { throw .last }
        self.descriptor = descriptor
        self.whenOver = whenOver
        super.init()
        let status = unsafe address.withSocketAddress { unsafe connect(descriptor, $0, $1) }
        guard status == 0 || errno == EINPROGRESS else {
            let error = SystemError.last
            Glibc.close(descriptor)
            throw error
        }
        unsafe uv_poll_init(loop.executor.uv, poll, descriptor)
        unsafe poll.pointee.data = Unmanaged.passRetained(self as LoopResource).toOpaque()
        unsafe uv_poll_start(poll, Int32(UV_WRITABLE.rawValue)) { poll, _, _ in
            let me = unsafe unsafeDowncast(
                Unmanaged<LoopResource>.fromOpaque(poll!.pointee.data).takeUnretainedValue(), to: ConnectAttempt.self)
            me.loop.enter(me) { me, _ in me.isReady() }
        }
    }

    deinit { unsafe poll.deallocate() }

    override func loopStops(on loop: isolated EventLoop) { end(with: .failure(SystemError(code: ECANCELED))) }

    private func isReady() {
        var code: Int32 = 0
        var count = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &count) == 0, code == 0 else {
            return end(with: .failure(SystemError(code: code == 0 ? errno : code)))
        }
        end(with: .success(descriptor))
    }

    func cancel(on loop: isolated EventLoop) {
        guard whenOver != nil else { return }
        whenOver = { _ in }
        end(with: .failure(SystemError(code: ECANCELED)))
    }

    private func end(with result: Result<Int32, SystemError>) {
        guard let whenOver else { return }
        self.whenOver = nil
        // From here on libuv does not look at the descriptor any more.
        unsafe uv_poll_stop(poll)
        unsafe uv_close(UnsafeMutableRawPointer(poll).assumingMemoryBound(to: uv_handle_t.self)) { handle in
            unsafe Unmanaged<LoopResource>.fromOpaque(handle!.pointee.data).release()
        }
        if case .failure = result { Glibc.close(descriptor) }
        whenOver(result)
    }
}
