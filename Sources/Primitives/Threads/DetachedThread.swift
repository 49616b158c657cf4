import Glibc

/// A thread of the system that nobody waits for.
package enum DetachedThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a thread of its own.
    /// - Parameter takesSignals: whether signals of the process may be handled on it; without, a reader that is gone ends
    ///   nobody with SIGPIPE either.
    /// - Returns: 0, or the error number when the machine or its limits allow no more threads; `body` is gone then.
    package static func start(takesSignals: Bool = false, _ body: @escaping @Sendable () -> Void) -> Int32 {
        var before = sigset_t()
        if !takesSignals {
            var all = sigset_t()
            unsafe sigfillset(&all)
            unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        }
        defer { if !takesSignals { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) } }
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(body))
        let status = unsafe pthread_create(
            &thread, nil,
            { start in
                if let start = unsafe start { unsafe Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body() }
                return nil
            }, start.toOpaque())
        guard status == 0 else {
            unsafe start.release()
            return status
        }
        pthread_detach(thread)
        return 0
    }
}
