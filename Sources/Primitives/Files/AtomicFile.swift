import Glibc

/// Small files of our own, replaced as a whole. The calls block for the disk.
package enum AtomicFile {
    /// At most `limit` bytes of the file; a longer one is cut there.
    package static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        let file = Descriptor(owning: try retryingInterrupts { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) })
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let piece = try file.read(limit: min(65536, limit - bytes.count))
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    /// Beside the file, then over it: readers see the old text or the new one, and a failure leaves the old one and
    /// nothing else. A file that cannot be replaced (it is mounted by itself, or its folder takes no new files) is written
    /// where it is.
    /// - Parameters:
    ///   - path: ours to choose, so a link stays, and what it points to is replaced.
    ///   - folderMode: makes the folder with this mode, and those above it, where they are missing.
    package static func write(
        _ bytes: [UInt8], to path: String, mode: UInt32, folderMode: UInt32? = nil
    ) throws(SystemCallError) {
        let path = target(of: path)
        let folder = Self.folder(of: path)
        if let folderMode { try makeFolder(folder, mode: folderMode) }
        let temporary = path + suffix + randomName()
        do throws(SystemCallError) {
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
            let file = Descriptor(owning: try retryingInterrupts { unsafe open(temporary, flags, mode) })
            try file.writeAll(bytes)
            // The umask may have taken bits away.
            try retryingInterrupts { fchmod(file.raw, mode) }
            try file.sync()
        } catch {
            unsafe unlink(temporary)
            // A folder of another owner, or one that is mounted read-only, around a file that may be written.
            guard [EACCES, EPERM, EROFS].contains(error.code), unsafe access(path, F_OK) == 0 else { throw error }
            return try overwrite(path, with: bytes, mode: mode)
        }
        do throws(SystemCallError) {
            try retryingInterrupts { unsafe rename(temporary, path) }
        } catch {
            // Until the end of a write in place: should that be cut short, the whole text is here.
            defer { unsafe unlink(temporary) }
            guard [EBUSY, EXDEV].contains(error.code) else { throw error }
            return try overwrite(path, with: bytes, mode: mode)
        }
        let directory = Descriptor(
            owning: try retryingInterrupts { unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
        try directory.sync()
    }

    /// Whether a name in the folder of `path` is that of a temporary file which a process left there that was killed.
    package static func isLeftover(_ name: [UInt8], of path: String) -> Bool {
        let own = path.utf8.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? []
        let start = own + suffix.utf8
        return name.starts(with: start) && name.count == start.count + randomLength
    }

    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static let suffix = ".tmp-"
    private static let randomLength = 10

    private static func randomName() -> String {
        let characters = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        return String(decoding: (0..<randomLength).map { _ in characters[Int.random(in: 0..<36)] }, as: UTF8.self)
    }

    /// What a link points to; the path itself, if it is none or points nowhere.
    private static func target(of path: String) -> String {
        var status = stat()
        guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK,
            let target = unsafe realpath(path, nil)
        else { return path }
        defer { unsafe free(target) }
        return unsafe String(cString: target)
    }

    private static func makeFolder(_ path: String, mode: UInt32) throws(SystemCallError) {
        if unsafe mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, path.utf8.contains(UInt8(ascii: "/")) else { throw .last }
        try makeFolder(folder(of: path), mode: mode)
        guard unsafe mkdir(path, mode) == 0 || errno == EEXIST else { throw .last }
    }

    private static func overwrite(_ path: String, with bytes: [UInt8], mode: UInt32) throws(SystemCallError) {
        let flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
        let file = Descriptor(owning: try retryingInterrupts { unsafe open(path, flags) })
        if !bytes.isEmpty {
            // Room first; file systems that cannot promise any say so, and then it is tried without.
            let refusal = posix_fallocate(file.raw, 0, off_t(bytes.count))
            if [ENOSPC, EDQUOT, EFBIG].contains(refusal) { throw SystemCallError(code: refusal) }
        }
        // Cut off after the write, not before: a reader in between finds a text, not an empty file.
        try file.writeAll(bytes)
        try retryingInterrupts { ftruncate(file.raw, off_t(bytes.count)) }
        // A file of another owner keeps its own mode.
        _ = fchmod(file.raw, mode)
        try file.sync()
    }
}
