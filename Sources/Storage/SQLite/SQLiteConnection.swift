import GRDB
import Logging
import Synchronization

/// The open database that all repositories share. Owns the lock too, so that the lock lives as long as anybody who
/// could still write.
final class SQLiteConnection: Sendable {
    private let pool: DatabasePool
    private let path: String
    private let lock: FileLock?
    private let logger: Logger
    private let closed = Mutex(false)

    init(pool: DatabasePool, path: String, lock: FileLock?, logger: Logger) {
        self.pool = pool
        self.path = path
        self.lock = lock
        self.logger = logger
    }

    /// Reads one snapshot, off the cooperative threads. Ends early when the task is cancelled.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await pool.read(body)
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    /// Runs one transaction, off the cooperative threads.
    ///
    /// It is carried out even when the asking task is cancelled meanwhile: a client that hangs up early must not
    /// escape its strike, its audit row or a revocation.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            pool.asyncWrite(body) { [path] _, result in
                continuation.resume(with: result.mapError { ErrorMapping.error($0, path: path) })
            }
        }
    }

    func close() {
        let first = closed.withLock { closed in
            defer { closed = true }
            return !closed
        }
        guard first else { return }
        do {
            // Only the server leaves a complete single file behind; a tool must not wait for the server's readers.
            if lock != nil { _ = try pool.writeWithoutTransaction { try $0.checkpoint(.truncate) } }
        } catch {
            logger.debug("the write-ahead log stays until the next start")
        }
        do {
            try pool.close()
        } catch {
            logger.warning(
                "the database did not close", metadata: ["error": "\(ErrorMapping.error(error, path: path))"])
        }
        lock?.release()
    }
}
