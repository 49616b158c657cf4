#if NEZHA_TSAN
    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #else
        import Darwin
    #endif

    /// Stands in for `Synchronization.Mutex` in this module when it is built for the thread sanitizer
    /// (`swift test --sanitize=thread -Xswiftc -DNEZHA_TSAN`).
    ///
    /// On Linux the standard library's mutex is a priority-inheriting futex, which the kernel hands from thread to
    /// thread; the sanitizer does not see that and reports every contended lock as a race. It knows POSIX mutexes.
    ///
    /// `@unchecked Sendable`: `value` is touched only in `withLock`, between lock and unlock.
    final class Mutex<Value>: @unchecked Sendable {
        private let lock: UnsafeMutablePointer<pthread_mutex_t>
        private var value: Value

        init(_ value: Value) {
            self.value = value
            lock = .allocate(capacity: 1)
            lock.initialize(to: pthread_mutex_t())
            pthread_mutex_init(lock, nil)
        }

        deinit {
            pthread_mutex_destroy(lock)
            lock.deallocate()
        }

        func withLock<Result, Failure: Error>(
            _ body: (inout Value) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            pthread_mutex_lock(lock)
            defer { pthread_mutex_unlock(lock) }
            return try body(&value)
        }
    }
#endif
