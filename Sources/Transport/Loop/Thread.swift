import Glibc

/// Runs `body` on a thread of its own.
/// - Throws: ``SystemError`` when there is no thread to be had: the machine or its limits allow no more.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
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
        throw SystemError(code: status)
    }
    pthread_detach(thread)
}

/// Like ``startThread(_:)``, for work that must be done and that nobody can be told about: tries again until there is a
/// thread. Blocks meanwhile.
func startThreadSomeTime(_ body: @escaping @Sendable () -> Void) {
    while true {
        do {
            return try startThread(body)
        } catch {
            usleep(10_000)
        }
    }
}
