import Glibc

/// The thread that writes. It gets no signals: those are for the process, and SIGPIPE of a reader that is gone must
/// not end it.
enum LogThread {
    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// False when there is no thread to be had.
    static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
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
            return false
        }
        pthread_detach(thread)
        return true
    }
}

/// Wakes one thread, also when it sleeps only afterwards.
@safe
final class Wake: Sendable {
    // Safe: the pointer never changes, and a semaphore is made to be used from several threads at once.
    nonisolated(unsafe) private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    func up() { unsafe sem_post(semaphore) }

    func wait() {
        while unsafe sem_wait(semaphore) != 0, errno == EINTR {}
    }
}
