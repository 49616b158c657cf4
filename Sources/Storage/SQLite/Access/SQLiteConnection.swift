import Logging

/// The open database that all repositories share. Owns the lock too, so that the lock lives as long as anybody who
/// could still write.
///
/// Nothing here blocks but ``close()``: SQLite runs on threads of its own, one that writes and up to
/// ``readerCount`` that read, and whoever asked goes on where it was.
final class SQLiteConnection: Sendable {
    static let readerCount = 4

    private let writer: ConnectionPool
    private let readers: ConnectionPool
    private let path: String
    private let lock: FileLock?
    private let logger: Logger
    private let isClosed = Monitor(false)
    /// What the path named when it was opened.
    private let identity: DatabaseFiles.Identity?

    /// - Parameters:
    ///   - writer: a pool of one, which has the file open already.
    ///   - lock: held until closed; with it, closing leaves one complete file behind.
    init(writer: ConnectionPool, readers: ConnectionPool, path: String, lock: FileLock?, logger: Logger) {
        self.writer = writer
        self.readers = readers
        self.path = path
        self.lock = lock
        self.logger = logger
        identity = try? DatabaseFiles(path: path).identity
    }

    /// Nobody closed it. Waiting is not allowed here, for the last owner may be one of the threads to wait for; so the
    /// lock goes when the writing thread has closed the file.
    deinit {
        readers.stop(farewell: nil)
        let lock = lock
        writer.stop { connection in
            try? connection.close()
            lock?.release()
        }
    }

    /// Reads one snapshot. Ends early when the task is cancelled.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        do {
            return try await readers.runCancellable { connection, cancellation in
                try connection.read(cancellation: cancellation, body)
            }
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    /// As ``read(_:)``, when the path still names the file that is open: what is written to another is lost at the end, and
    /// what commands do is not seen here.
    func readInPlace<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws -> Value {
        let (path, identity) = (path, identity)
        let isInPlace = { @Sendable in try DatabaseFiles(path: path).identity == identity }
        let moved = StorageError.failed("the database file was moved, removed or replaced; stop the gateway")
        do {
            return try await read { connection in
                guard try isInPlace() else { throw moved }
                return try body(connection)
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            // A reader that was to be opened finds nothing there.
            throw try isInPlace() ? error : moved
        }
    }

    /// Size of the file and its log. Asked on a thread of its own, since a disk that hangs does not answer; 0 when there is
    /// no thread for it.
    func fileBytes() async -> Int64 {
        let path = path
        // A gateway that ends has none to tell.
        return (try? await read { _ in DatabaseFiles.bytes(of: path) }) ?? 0
    }

    /// Runs one transaction.
    ///
    /// It is carried out even when the asking task is cancelled meanwhile: a client that hangs up early must not
    /// escape its strike, its audit row or a revocation.
    @discardableResult
    func write<Value: Sendable>(_ body: @escaping @Sendable (Connection) throws -> Value) async throws -> Value {
        do {
            return try await writer.run { try $0.write(body) }
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    func close() {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        let (path, logger, ownsFile) = (path, logger, lock != nil)
        let end = { @Sendable (connection: Connection) in
            do {
                try connection.close()
            } catch {
                logger.warning(
                    "the database did not close", metadata: ["error": "\(ErrorMapping.error(error, path: path))"])
            }
        }
        readers.close(farewell: end)
        writer.close { connection in
            do {
                // Only the server leaves a complete single file behind; a tool must not wait for the server's readers.
                if ownsFile { try connection.checkpoint() }
            } catch {
                logger.debug("the write-ahead log stays until the next start")
            }
            end(connection)
        }
        lock?.release()
    }
}
