import Glibc

/// Runs `body` on a thread of its own.
package func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let status = unsafe pthread_create(
        &thread, nil,
        { start in
            unsafe Unmanaged<Start>.fromOpaque(start!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Start(body)).toOpaque())
    precondition(status == 0, "no thread could be started")
    pthread_detach(thread)
}
