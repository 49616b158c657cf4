import AgentLink
import FoundationEssentials
import Glibc
import Primitives
import Secrets

/// Tasks 16–19 (`agent-link.md` 2, MCP task bodies). The calls block: run them on ``WorkerThreads``.
struct FileTasks: Sendable {
    static let maxEntries = 5_000
    static let maxRead = 1 << 20
    static let maxWrite = 8 << 20

    var locks = PathLocks.shared
    /// Asked in the midst of long work.
    var isCancelled: @Sendable () -> Bool = { false }

    func list(_ task: FsListTask) throws(FileTaskError) -> FsListReply {
        let path = try TargetPath(task.path)
        let directory = try SafeOpen.directory(path.cString)
        let raw = directory.raw
        do throws(SystemCallError) {
            let copy = try retryingInterrupts { unsafe openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
            guard let stream = unsafe fdopendir(copy) else {
                close(copy)
                throw .last
            }
            defer { unsafe closedir(stream) }
            return try unsafe list(stream, directory: raw, showHidden: task.showHidden)
        } catch {
            throw .system(error)
        }
    }

    private func list(
        _ stream: OpaquePointer, directory: Int32, showHidden: Bool
    ) throws(SystemCallError) -> FsListReply {
        var reply = FsListReply()
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw .last }
                return reply
            }
            let name = unsafe EntryName(entry)
            if name.isSelfOrParent || (!showHidden && name.isHidden) { continue }
            if isCancelled() { throw SystemCallError(code: ECANCELED) }
            reply.total += 1
            if reply.entries.count >= Self.maxEntries {
                reply.truncated = true
            } else if let found = Self.entry(name, in: directory) {
                reply.entries.append(found)
            }
        }
    }

    /// `nil` when the name has gone meanwhile.
    private static func entry(_ name: EntryName, in directory: Int32) -> FsEntry? {
        guard let status = try? unsafe FileStatus(name.cString, in: directory) else { return nil }
        var entry = FsEntry(
            name: name.text, type: status.kind.rawValue, size: status.size, mode: status.modeText,
            mtime: status.modified)
        if !PathText.isPlain(name.bytes) { entry.nameBase64 = Data(name.bytes).base64EncodedString() }
        if status.kind == .symlink {
            entry.isSymlink = true
            var target = [CChar](repeating: 0, count: Int(PATH_MAX))
            let length = unsafe readlinkat(directory, name.cString, &target, target.count)
            if length > 0 {
                entry.linkTarget = PathText.text(target.prefix(length).map(UInt8.init(bitPattern:)))
            }
        }
        return entry
    }

    func read(_ task: FsReadTask) throws(FileTaskError) -> FsReadReply {
        let path = try TargetPath(task.path)
        let file = try SafeOpen.regularFile(path.cString)
        let wanted = task.length <= 0 || task.length > Self.maxRead ? Self.maxRead : Int(task.length)
        let offset = max(0, task.offset)
        var bytes: [UInt8]
        do throws(SystemCallError) {
            // One byte more tells whether there is more, also where the kernel says that a file is empty (/proc).
            bytes = try Self.read(file, offset: offset, count: wanted + 1)
        } catch {
            throw .system(error)
        }
        let truncated = bytes.count > wanted
        bytes.removeLast(max(0, bytes.count - wanted))
        return FsReadReply(
            content: try Self.encode(bytes, task.encoding), encoding: task.encoding.isEmpty ? "utf8" : task.encoding,
            size: Int64(bytes.count), sha256: SHA256Digest.hex(bytes), truncated: truncated)
    }

    private static func read(
        _ file: borrowing Descriptor, offset: Int64, count: Int
    ) throws(SystemCallError) -> [UInt8] {
        let raw = file.raw
        do {
            if offset > 0 { try retryingInterrupts { lseek(raw, off_t(offset), SEEK_SET) } }
        } catch  where error.code == EINVAL {
            // Further than the file system counts: beyond the end of every file.
            return []
        }
        var bytes: [UInt8] = []
        while bytes.count < count {
            let piece: [UInt8]
            do {
                piece = try file.read(limit: min(1 << 18, count - bytes.count))
            } catch  where error.code == EAGAIN {
                // A regular file of /proc that waits for events: what there was is all there is.
                break
            }
            if piece.isEmpty { break }
            bytes += piece
        }
        return bytes
    }

    private static func encode(_ bytes: [UInt8], _ encoding: String) throws(FileTaskError) -> String {
        switch encoding {
        case "", "utf8": String(decoding: bytes, as: UTF8.self)
        case "base64": Data(bytes).base64EncodedString()
        default: throw .unknownEncoding(encoding)
        }
    }

    /// In the order that agents keep: lock, decode, size, precondition, folders, mode, file.
    func write(_ task: FsWriteTask) throws(FileTaskError) -> FsWriteReply {
        let path = try TargetPath(task.path)
        if path.isRoot { throw .targetsRoot }
        return try locks.withLock(path) { () throws(FileTaskError) in
            let content = try Self.decode(task.content, task.encoding)
            if content.count > Self.maxWrite { throw .contentTooLarge }
            try FileHash.checkPrecondition(task.ifMatchSHA256, path, isCancelled: isCancelled)
            let mode = try FileMode.parse(task.mode)
            let replacement = try AtomicReplacement.begin(of: path, createDirectories: task.createDirs)
            try replacement.write(content)
            try replacement.commit(mode: mode)
            return FsWriteReply(size: Int64(content.count), sha256: SHA256Digest.hex(content))
        }
    }

    private static func decode(_ content: String, _ encoding: String) throws(FileTaskError) -> [UInt8] {
        switch encoding {
        case "", "utf8":
            return Array(content.utf8)
        case "base64":
            let text = content.utf8.filter { $0 != 0x0A && $0 != 0x0D }
            guard let data = Data(base64Encoded: Data(text)) else { throw .invalidBase64 }
            return Array(data)
        default:
            throw .unknownEncoding(encoding)
        }
    }

    func delete(_ task: FsDeleteTask) throws(FileTaskError) -> FsDeleteReply {
        let path = try TargetPath(task.path)
        if path.isRoot { throw .deletesRoot }
        do throws(SystemCallError) {
            if task.recursive {
                return FsDeleteReply(
                    deletedCount: try DirectoryRemoval.remove(path.cString, isCancelled: isCancelled))
            }
            let name = path.cString
            let isDirectory = try unsafe FileStatus(name).kind == .directory
            try retryingInterrupts { unsafe unlinkat(AT_FDCWD, name, isDirectory ? AT_REMOVEDIR : 0) }
            return FsDeleteReply(deletedCount: 1)
        } catch {
            throw .system(error)
        }
    }
}
