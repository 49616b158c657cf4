import CLinux
import Glibc
import Primitives

/// What the system says of one name, never following it.
struct FileStatus: Sendable, Equatable {
    enum Kind: String, Sendable {
        case file
        case directory = "dir"
        case symlink
        case special
    }

    let kind: Kind
    let size: Int64
    let permissions: UInt32
    let modified: Int64
    /// Of the user and of the group that own it.
    let owner: UInt32
    let group: UInt32
    /// A block or character device: what is written there goes somewhere else.
    let isDevice: Bool
    let identity: Identity

    /// What makes two names the same file.
    struct Identity: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64
    }

    /// - Parameter directory: where `name` is, or `AT_FDCWD`.
    init(_ name: UnsafePointer<CChar>, in directory: Int32 = AT_FDCWD) throws(SystemCallError) {
        var status = linux_status()
        try retryingInterrupts { unsafe linux_status_at(directory, name, 0, &status) }
        self.init(status)
    }

    init(of file: borrowing Descriptor) throws(SystemCallError) {
        let raw = file.raw
        var status = linux_status()
        try retryingInterrupts { unsafe linux_status_of(raw, &status) }
        self.init(status)
    }

    private init(_ status: linux_status) {
        kind =
            switch status.mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symlink
            default: .special
            }
        size = status.size
        permissions = status.mode & 0o777
        modified = status.modified
        owner = status.owner
        group = status.group
        isDevice = status.mode & S_IFMT == S_IFBLK || status.mode & S_IFMT == S_IFCHR
        identity = Identity(device: status.device, inode: status.inode)
    }

    /// Whether it is the root of the file system.
    var isRoot: Bool {
        unsafe identity == FileStatus.following("/")?.identity
    }

    /// What is at `path`, links followed; `nil` when nothing can be seen there.
    static func following(_ path: UnsafePointer<CChar>) -> FileStatus? {
        var status = linux_status()
        return unsafe linux_status_at(AT_FDCWD, path, 1, &status) == 0 ? FileStatus(status) : nil
    }

    /// Octal with a leading 0; no bits at all are `0`.
    var modeText: String {
        permissions == 0 ? "0" : "0" + String(permissions, radix: 8)
    }
}

/// Opens what is to be read, without ever waiting for it.
enum SafeOpen {
    /// A regular file. Links are refused, FIFOs and devices do not block, and what was swapped in after the first look
    /// is found by the second (`security.md`, symlink swaps and FIFOs).
    ///
    /// - Parameter afterLook: runs between the first look and the opening; lets a test swap the file just there.
    static func regularFile(
        _ path: [CChar], afterLook: () -> Void = {}
    ) throws(FileTaskError) -> Descriptor {
        do throws(SystemCallError) {
            guard try unsafe FileStatus(path).kind == .file else { throw SystemCallError(code: ELOOP) }
            afterLook()
            let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
            let file = Descriptor(owning: try retryingInterrupts { unsafe open(path, flags) })
            guard try FileStatus(of: file).kind == .file else { throw SystemCallError(code: ELOOP) }
            return file
        } catch {
            // ENXIO: a FIFO or socket without anybody at its other end.
            throw error.code == ELOOP || error.code == ENXIO ? .notRegularFile : .system(error)
        }
    }

    /// A directory that is no link.
    static func directory(_ path: [CChar]) throws(FileTaskError) -> Descriptor {
        do throws(SystemCallError) {
            guard try unsafe FileStatus(path).kind == .directory else { throw SystemCallError(code: ENOTDIR) }
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
            return Descriptor(owning: try retryingInterrupts { unsafe open(path, flags) })
        } catch {
            throw error.code == ELOOP || error.code == ENOTDIR ? .notDirectory : .system(error)
        }
    }
}
