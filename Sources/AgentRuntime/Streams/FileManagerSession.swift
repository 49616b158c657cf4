import AgentLink
import Glibc
import Logging
import Primitives

/// Task 11: the file manager of the dashboard (`agent-link.md` 3, File manager). Commands are done one after the
/// other: their replies carry no number.
struct FileManagerSession: Sendable {
    static let maxFrame = 1 << 20

    let stream: any FrameStream
    /// Listed instead of a folder that cannot be read.
    let home: String
    /// Told what could not be done.
    var logger: Logger?

    func run() async throws {
        while let frame = try await stream.receive() {
            do {
                switch try FileManagerCommand(frame) {
                case .list(let path): try await reply(await list(path))
                case .download(let path): try await download(path)
                case .upload(let size, let path): try await upload(path, size: size)
                case nil: break
                }
            } catch is InvalidFileManagerFrame {
                try await reply(.error("data is invalid"))
            } catch let error as SystemCallError {
                try await reply(.error(error.reason))
            }
        }
    }

    private func reply(_ reply: FileManagerReply) async throws {
        if case .error(let text) = reply { logger?.debug("file manager failed", metadata: ["error": "\(text)"]) }
        try await stream.send(reply.bytes)
    }

    // MARK: List

    private func list(_ path: [UInt8]) async throws -> FileManagerReply {
        let slash = UInt8(ascii: "/")
        let home = Array(self.home.utf8) + (self.home.utf8.last == slash ? [] : [slash])
        return try await WorkerThreads.files.run {
            do {
                return try Self.listing(path)
            } catch is SystemCallError {
                return try Self.listing(home)
            }
        }
    }

    private static func listing(_ path: [UInt8]) throws(SystemCallError) -> FileManagerReply {
        let flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC
        let name = try Self.cString(path)
        let raw = try retryingInterrupts { unsafe open(name, flags) }
        guard let stream = unsafe fdopendir(raw) else {
            close(raw)
            throw .last
        }
        defer { unsafe closedir(stream) }
        var entries: [FileManagerReply.Entry] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe EntryName(entry)
            if name.isSelfOrParent { continue }
            let isDirectory = unsafe (try? FileStatus(name.cString, in: raw).kind) == .directory
            entries.append(.init(isDirectory: isDirectory, name: name.bytes))
        }
        entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
        return .listing(path: path, entries: entries)
    }

    /// Bytes as they came; a zero byte would end them for the system.
    fileprivate static func cString(_ path: [UInt8]) throws(SystemCallError) -> [CChar] {
        if path.contains(0) { throw SystemCallError(code: EINVAL) }
        return path.map { CChar(bitPattern: $0) } + [0]
    }

    // MARK: Download

    private func download(_ path: [UInt8]) async throws {
        let (file, size) = try await WorkerThreads.files.run { try PlainFile.open(path, O_RDONLY) }
        if UnsizedFile.isSuspect(size) {
            guard let content = try await WorkerThreads.files.run({ try file.content(size) }) else {
                throw SystemCallError(code: EFBIG)
            }
            return try await send(content)
        }
        try await reply(.download(size: UInt64(size)))
        var missing = size
        while missing > 0 {
            let wanted = Int(min(missing, Int64(Self.maxFrame)))
            let piece = try await WorkerThreads.files.run { try file.read(wanted) }
            // Cut while it was read: the reader counts bytes, so it has to be told.
            if piece.isEmpty { return try await reply(.error("unexpected end of file")) }
            missing -= Int64(piece.count)
            try await stream.send(piece)
        }
    }

    private func send(_ content: [UInt8]) async throws {
        if content.isEmpty { return try await reply(.error("requested file is empty")) }
        try await reply(.download(size: UInt64(content.count)))
        for start in stride(from: 0, to: content.count, by: Self.maxFrame) {
            try await stream.send(Array(content[start..<min(start + Self.maxFrame, content.count)]))
        }
    }

    // MARK: Upload

    /// Writes over the file in place, as the protocol has it: mode and owner stay.
    private func upload(_ path: [UInt8], size: UInt64) async throws {
        var failure: SystemCallError?
        var file: PlainFile?
        do {
            file = try await WorkerThreads.files.run { try PlainFile.open(path, O_WRONLY | O_CREAT | O_TRUNC).file }
        } catch let error as SystemCallError {
            failure = error
            try await reply(.error(error.reason))
        }
        var received: UInt64 = 0
        while received < size {
            guard let frame = try await stream.receive() else { return }
            received += UInt64(frame.count)
            // After a failure the rest is taken and dropped: it must not be read as commands.
            guard failure == nil, let target = file else { continue }
            do {
                try await WorkerThreads.files.run { try target.write(frame) }
            } catch let error as SystemCallError {
                failure = error
                try await reply(.error(error.reason))
            }
        }
        if failure == nil { try await reply(.uploaded) }
    }
}

/// A regular file that the file manager reads or writes; links are followed, FIFOs and devices refused without
/// waiting for them.
final class PlainFile: Sendable {
    private let descriptor: Descriptor

    static func open(_ path: [UInt8], _ flags: Int32) throws -> (file: PlainFile, size: Int64) {
        // Truncating comes after the look at what it is.
        let opened = flags & ~O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        let name = try FileManagerSession.cString(path)
        let descriptor = Descriptor(owning: try retryingInterrupts { unsafe Glibc.open(name, opened, 0o644) })
        let status = try FileStatus(of: descriptor)
        guard status.kind == .file else {
            throw SystemCallError(code: status.kind == .directory ? EISDIR : EINVAL)
        }
        let raw = descriptor.raw
        if flags & O_TRUNC != 0 { try retryingInterrupts { ftruncate(raw, 0) } }
        return (PlainFile(descriptor), status.size)
    }

    private init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    func read(_ count: Int) throws(SystemCallError) -> [UInt8] {
        try descriptor.read(limit: count)
    }

    /// All of it, as ``UnsizedFile`` reads.
    func content(_ size: Int64) throws(SystemCallError) -> [UInt8]? {
        try UnsizedFile.read(descriptor, size: size)
    }

    func write(_ bytes: [UInt8]) throws(SystemCallError) {
        try descriptor.writeAll(bytes)
    }
}
