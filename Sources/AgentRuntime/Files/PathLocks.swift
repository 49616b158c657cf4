import Synchronization

/// One writer a path. Paths share 1,024 locks by their hash, so the number of locks is bounded.
final class PathLocks: Sendable {
    private final class Stripe: Sendable {
        let mutex = Mutex<Void>(())
    }

    /// Of all file work of the process.
    static let shared = PathLocks()

    private let stripes = (0..<1024).map { _ in Stripe() }

    /// Blocks; call it on a worker thread.
    func withLock<Value: Sendable, Failure: Error>(
        _ path: TargetPath, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        var hasher = Hasher()
        hasher.combine(path)
        let stripe = stripes[Int(UInt(bitPattern: hasher.finalize()) % UInt(stripes.count))]
        return try stripe.mutex.withLock { _ throws(Failure) in try body() }
    }
}
