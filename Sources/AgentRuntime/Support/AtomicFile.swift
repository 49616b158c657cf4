import Glibc
import Secrets

/// Small files of our own, replaced as a whole.
enum AtomicFile {
    static func read(_ path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
        let file = Descriptor(owning: try retryingInterrupts { unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) })
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let piece = try file.read(limit: min(65536, limit - bytes.count))
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    /// Readers see the old file or the new one; a failure leaves the old one and nothing else.
    static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t, createDirectory: Bool
    ) throws(SystemCallError) {
        let directory = Self.directory(of: path)
        if createDirectory, unsafe mkdir(directory, 0o750) != 0, errno != EEXIST { throw .last }
        let temporary = path + ".tmp-" + SecureRandom.alphanumeric(10)
        do throws(SystemCallError) {
            let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
            let file = Descriptor(owning: try retryingInterrupts { unsafe open(temporary, flags, mode) })
            try file.writeAll(bytes)
            // The umask may have taken bits away.
            try retryingInterrupts { fchmod(file.raw, mode) }
            try retryingInterrupts { fsync(file.raw) }
            do throws(SystemCallError) {
                try retryingInterrupts { unsafe rename(temporary, path) }
            } catch  where error.code == EBUSY {
                // A single file that is mounted (as containers do it) cannot be replaced, only written over.
                try unsafe InPlace.write(from: file.raw, to: path, in: AT_FDCWD, mode: mode)
                unsafe unlink(temporary)
            }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        let folder = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 { _ = fsync(Descriptor(owning: folder).raw) }
    }

    /// Removes temporary files of `path` that a process left which was killed.
    static func sweep(besides path: String) {
        let directory = Self.directory(of: path)
        let own = Array((path.utf8.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? []) + ".tmp-".utf8)
        guard let stream = unsafe opendir(directory) else { return }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let name = unsafe EntryName(entry)
            guard name.bytes.starts(with: own), name.bytes.count == own.count + 10 else { continue }
            unsafe unlinkat(dirfd(stream), name.cString, 0)
        }
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
