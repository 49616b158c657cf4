import Glibc

/// An exclusive `flock` on a file. The kernel releases it when the process ends in whatever way, so a crash leaves
/// nothing to clean up; the file itself stays, because removing it would let two processes lock different files.
final class FileLock: Sendable {
    private let descriptor: Monitor<Int32?>

    private init(descriptor: Int32) {
        self.descriptor = Monitor(descriptor)
    }

    deinit {
        release()
    }

    /// - Returns: `nil` when somebody else holds the lock.
    static func acquire(_ files: DatabaseFiles) throws -> FileLock? {
        // Close-on-exec: a child process must not keep the lock alive.
        let descriptor = unsafe open(files.lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw FileFailure.error(errno, path: files.path) }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(descriptor)
            if code == EWOULDBLOCK { return nil }
            throw FileFailure.error(code, path: files.path)
        }
        return FileLock(descriptor: descriptor)
    }

    func release() {
        descriptor.withLock { descriptor in
            if let number = descriptor.take() { close(number) }
        }
    }
}
