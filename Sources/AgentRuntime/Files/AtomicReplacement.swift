import CLinux
import Glibc
import Secrets

/// A new version of a file, written beside the old one and renamed over it. Whatever fails before the rename leaves
/// the old file as it was and no temporary one.
///
/// The folder is opened once: whoever swaps a folder on the way for a link later on changes nothing here.
struct AtomicReplacement: ~Copyable, Sendable {
    private let directory: Descriptor
    private let file: Descriptor
    private let temporary: String
    private let target: String

    /// - Parameters:
    ///   - createDirectories: also makes missing folders, with mode 0755.
    static func begin(of path: TargetPath, createDirectories: Bool) throws(FileTaskError) -> AtomicReplacement {
        do throws(SystemCallError) {
            if createDirectories { try makeDirectories(path.parent) }
            let parent = path.parent
            let directory = Descriptor(owning: try retryingInterrupts { unsafe linux_open_directory_path(parent) })
            let raw = directory.raw
            let name = ".mcp-write-" + SecureRandom.alphanumeric(12)
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            let file = Descriptor(owning: try retryingInterrupts { unsafe openat(raw, name, flags, 0o600) })
            return AtomicReplacement(directory: directory, file: file, temporary: name, target: path.name)
        } catch {
            throw .system(error)
        }
    }

    private init(directory: consuming Descriptor, file: consuming Descriptor, temporary: String, target: String) {
        self.directory = directory
        self.file = file
        self.temporary = temporary
        self.target = target
    }

    deinit {
        // After the rename there is nothing of that name any more.
        unsafe unlinkat(directory.raw, temporary, 0)
    }

    borrowing func write(_ bytes: [UInt8]) throws(FileTaskError) {
        do {
            try file.writeAll(bytes)
        } catch {
            throw .system(error)
        }
    }

    /// Has the disk begin with what was written, so that less of it is left to wait for at the end. It may also not.
    borrowing func beginSync(from offset: Int, count: Int) {
        _ = linux_begin_sync(file.raw, Int64(offset), Int64(count))
    }

    /// Makes it the file, with exactly these permissions whatever the umask is, and waits until it is on the disk.
    consuming func commit(mode: mode_t) throws(FileTaskError) {
        let (directory, file) = (self.directory.raw, self.file.raw)
        do throws(SystemCallError) {
            try retryingInterrupts { fchmod(file, mode) }
            try retryingInterrupts { fsync(file) }
            try retryingInterrupts { unsafe renameat(directory, temporary, directory, target) }
        } catch {
            throw .system(error)
        }
        // The file is there; should the folder not be readable, it is also not for us to sync.
        let folder = unsafe openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 { _ = fsync(Descriptor(owning: folder).raw) }
    }

    private static func makeDirectories(_ path: String) throws(SystemCallError) {
        var current = ""
        for part in path.split(separator: "/") {
            current += "/" + part
            if unsafe mkdir(current, 0o755) == 0 || errno == EEXIST { continue }
            // A folder that is there may stand where nothing can be made, such as on a read-only file system.
            let failure = SystemCallError.last
            guard FileStatus.following(current)?.kind == .directory else { throw failure }
        }
    }
}

/// The permission bits of a write.
enum FileMode {
    static let standard: mode_t = 0o644

    /// Octal digits only; just the 0777 bits count.
    static func parse(_ text: String) throws(FileTaskError) -> mode_t {
        if text.isEmpty { return standard }
        guard text.utf8.allSatisfy({ (48...55).contains($0) }), let value = UInt32(text, radix: 8) else {
            throw .invalidMode(text)
        }
        return value & 0o777
    }
}
