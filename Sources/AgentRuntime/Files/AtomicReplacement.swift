import CLinux
import Glibc
import Primitives
import Secrets

/// A new version of a file, written beside the old one and renamed over it. Whatever fails before the rename leaves
/// the old file as it was and no temporary one.
///
/// Where the folder takes no new file, though the old one can be written, the new version is gathered elsewhere and written
/// over the old one in the end.
///
/// The folder is opened once: whoever swaps a folder on the way for a link later on changes nothing here.
struct AtomicReplacement: ~Copyable, Sendable {
    private let directory: Descriptor
    private let file: Descriptor
    /// The file beside the old one; `nil` where that cannot be.
    private let beside: Beside?
    private let target: [CChar]

    private struct Beside {
        var name: [CChar]
        /// In ``TemporaryFiles``.
        var remembered: [UInt8]
    }

    /// - Parameters:
    ///   - createDirectories: also makes missing folders, with mode 0755.
    static func begin(of path: TargetPath, createDirectories: Bool) throws(FileTaskError) -> AtomicReplacement {
        do throws(SystemCallError) {
            if createDirectories { try makeDirectories(path.parent) }
            let parent = path.parent
            let directory = Descriptor(owning: try retryingInterrupts { unsafe linux_open_directory_path(parent) })
            let raw = directory.raw
            try refuseDevice(path.name, in: raw)
            let name = TemporaryFiles.prefix + Array(SecureRandom.alphanumeric(12).utf8)
            let temporary = name.map { CChar(bitPattern: $0) } + [0]
            let whole = parent.dropLast().map(UInt8.init(bitPattern:)) + [UInt8(ascii: "/")] + name
            let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            TemporaryFiles.shared.add(whole)
            do throws(SystemCallError) {
                let file = Descriptor(owning: try retryingInterrupts { unsafe openat(raw, temporary, flags, 0o600) })
                return AtomicReplacement(
                    directory: directory, file: file, target: path.name,
                    beside: Beside(name: temporary, remembered: whole))
            } catch {
                TemporaryFiles.shared.remove(whole)
                guard error.code == EROFS, canWriteOver(path.name, in: raw), let spare = SpareFile.make() else {
                    throw error
                }
                return AtomicReplacement(directory: directory, file: spare, target: path.name, beside: nil)
            }
        } catch {
            throw error.code == ENXIO ? .notRegularFile : .system(error)
        }
    }

    private init(
        directory: consuming Descriptor, file: consuming Descriptor, target: [CChar], beside: Beside?
    ) {
        self.directory = directory
        self.file = file
        self.target = target
        self.beside = beside
    }

    deinit {
        guard let beside else { return }
        // After the rename there is nothing of that name any more.
        unsafe unlinkat(directory.raw, beside.name, 0)
        TemporaryFiles.shared.remove(beside.remembered)
    }

    borrowing func write(_ bytes: [UInt8]) throws(FileTaskError) {
        do {
            try file.writeAll(bytes)
        } catch {
            throw .system(error)
        }
    }

    /// Another descriptor of the new file, for who syncs it while it is written; `nil` when none is to be had.
    borrowing func duplicate() -> Descriptor? { try? file.duplicate() }

    /// What is written to a device goes to a disk or a driver; a file in its place would only seem to be that.
    private static func refuseDevice(_ name: [CChar], in directory: Int32) throws(SystemCallError) {
        if let old = try? unsafe FileStatus(name, in: directory), old.isDevice { throw SystemCallError(code: ENXIO) }
    }

    /// Whether it is a regular file of a file system that is not read-only as its folder's is.
    private static func canWriteOver(_ name: [CChar], in directory: Int32) -> Bool {
        guard (try? unsafe FileStatus(name, in: directory))?.kind == .file else { return false }
        return unsafe faccessat(directory, name, W_OK, AT_EACCESS) == 0
    }

    /// Makes it the file, and waits until it is on the disk.
    /// - Parameter mode: its permissions, whatever the umask is; without it, those of the file that is replaced, else
    ///   ``FileMode/standard``. The owner of a file that is replaced stays.
    consuming func commit(mode: mode_t?) throws(FileTaskError) {
        let directory = self.directory.raw
        do throws(SystemCallError) {
            let old = try? unsafe FileStatus(target, in: directory)
            try Self.refuseDevice(target, in: directory)
            guard let temporary = beside?.name else {
                return try unsafe InPlace.write(from: file.raw, to: target, in: directory, mode: mode)
            }
            try Self.give(file.raw, of: old?.kind == .file ? old : nil, mode: mode)
            try file.sync()
            // The blocks of the old file are freed once nobody holds it, which takes a while for a large one.
            let replaced = old?.kind == .file ? unsafe linux_hold(directory, target) : -1
            defer { if replaced >= 0 { WorkerThreads.files.submit { close(replaced) } } }
            do throws(SystemCallError) {
                try retryingInterrupts { unsafe renameat(directory, temporary, directory, target) }
            } catch  where error.code == EBUSY && old?.kind == .file {
                // A file that is mounted by itself cannot be replaced, only written over.
                return try unsafe InPlace.write(from: file.raw, to: target, in: directory, mode: mode)
            }
            try Self.syncFolder(directory)
        } catch {
            throw error.code == ENXIO ? .notRegularFile : .system(error)
        }
    }

    /// So that a crash does not bring the old file back. A folder that is not readable is not for us to sync, and some file
    /// systems sync none.
    private static func syncFolder(_ directory: Int32) throws(SystemCallError) {
        let folder = unsafe openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        do throws(SystemCallError) {
            try Descriptor(owning: folder).sync()
        } catch  where error.code == EINVAL || error.code == ENOTSUP {}
    }

    /// Owner and permissions of the new file, before anybody can open it by its name.
    private static func give(_ file: Int32, of old: FileStatus?, mode: mode_t?) throws(SystemCallError) {
        var permissions = mode ?? old?.permissions ?? FileMode.standard
        if let old, fchown(file, old.owner, old.group) != 0 {
            // Only root may give files away. With another group than before, that one gets no more than everybody.
            if fchown(file, uid_t.max, old.group) != 0, mode == nil {
                permissions &= 0o707 | (permissions & 0o007) << 3
            }
        }
        try retryingInterrupts { fchmod(file, permissions) }
    }

    private static func makeDirectories(_ path: [CChar]) throws(SystemCallError) {
        var current: [CChar] = []
        for part in path.dropLast().split(separator: 0x2F) {
            current += [0x2F] + part
            let name = current + [0]
            if unsafe mkdir(name, 0o755) == 0 || errno == EEXIST { continue }
            // A folder that is there may stand where nothing can be made, such as on a read-only file system.
            let failure = SystemCallError.last
            guard unsafe FileStatus.following(name)?.kind == .directory else { throw failure }
        }
    }
}

/// The permission bits of a write.
enum FileMode {
    static let standard: mode_t = 0o644

    /// Octal digits only; just the 0777 bits count. `nil` when none is asked for.
    static func parse(_ text: String) throws(FileTaskError) -> mode_t? {
        if text.isEmpty { return nil }
        guard text.utf8.allSatisfy({ (48...55).contains($0) }), let value = UInt32(text, radix: 8) else {
            throw .invalidMode(text)
        }
        return value & 0o777
    }
}
