import Glibc

/// A place where there is no database yet and one is about to be put, held against gateways and other commands until it is
/// let go.
package struct DatabasePlace: Sendable {
    private let files: DatabaseFiles
    private let lock: FileLock
    /// Whether there was no file to lock before.
    private let isNew: Bool

    /// - Throws: ``StorageError``: `alreadyServed`, `leftover`, `notWritable`.
    package init(path: String) throws {
        do {
            files = try DatabaseFiles(path: path)
            try files.createFolder()
            isNew = unsafe access(files.lockPath, F_OK) != 0
            guard let lock = try FileLock.acquire(files) else { throw StorageError.alreadyServed(path: files.path) }
            self.lock = lock
            if let file = files.leftover {
                letGo()
                throw StorageError.leftover(path: file)
            }
        } catch {
            throw ErrorMapping.error(error, path: path)
        }
    }

    /// Leaves nothing behind where no database was put.
    package func letGo() {
        if isNew, files.kind == .missing { unsafe unlink(files.lockPath) }
        lock.release()
    }
}
