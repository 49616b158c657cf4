import Glibc
import Primitives

/// Runs `body` on a thread of its own.
/// - Throws: ``SystemError`` when there is no thread to be had: the machine or its limits allow no more.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    let code = DetachedThread.start(takesSignals: true, body)
    guard code == 0 else { throw SystemError(code: code) }
}

/// Like ``startThread(_:)``, for work that must be done and that nobody can be told about: tries again until there is a
/// thread. Blocks meanwhile.
package func startThreadSomeTime(_ body: @escaping @Sendable () -> Void) {
    while true {
        do {
            return try startThread(body)
        } catch {
            usleep(10_000)
        }
    }
}
