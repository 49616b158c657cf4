import CMaxMindDB
import Glibc
import Primitives

/// The bytes of a database in memory of our own. The library maps the file that it is given, and whoever writes over such a
/// file while it is mapped ends the program; nobody writes over this.
struct DatabaseCopy: ~Copyable {
    /// Bytes. A database of countries has some ten million.
    static let limit = 512 << 20

    private let memory: Descriptor

    /// Where the library finds it.
    var path: String { "/proc/self/fd/\(memory.raw)" }

    /// Copies a file. Blocks for the disk.
    init(of path: String) throws(DatabaseFault) {
        self = try Self.reporting { () throws(SystemCallError) in
            // What is no plain file must not hold us up.
            let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
            let file = Descriptor(owning: try retryingInterrupts { unsafe open(path, flags) })
            guard FileState(descriptor: file.raw) != nil else { throw SystemCallError(code: EINVAL) }
            return try Self.make { () throws(SystemCallError) in try file.read(limit: 65536) }
        }
    }

    /// For tests: from bytes.
    init(_ bytes: [UInt8]) throws(DatabaseFault) {
        var rest = bytes[...]
        self = try Self.reporting { () throws(SystemCallError) in
            try Self.make { () throws(SystemCallError) in
                defer { rest = rest.dropFirst(65536) }
                return Array(rest.prefix(65536))
            }
        }
    }

    private init(_ memory: consuming Descriptor) { self.memory = memory }

    /// - Parameter next: the next piece; empty at the end.
    private static func make(
        _ next: () throws(SystemCallError) -> [UInt8]
    ) throws(SystemCallError) -> DatabaseCopy {
        let memory = Descriptor(owning: try retryingInterrupts { cmaxminddb_memory() })
        var count = 0
        while true {
            let piece = try next()
            if piece.isEmpty { return DatabaseCopy(memory) }
            count += piece.count
            guard count <= limit else { throw SystemCallError(code: EFBIG) }
            try memory.writeAll(piece)
        }
    }

    private static func reporting(
        _ body: () throws(SystemCallError) -> DatabaseCopy
    ) throws(DatabaseFault) -> DatabaseCopy {
        do throws(SystemCallError) {
            return try body()
        } catch {
            throw error.code == EFBIG ? .tooLarge : .unreadable(reason: error.reason)
        }
    }
}

/// What tells that a file has become another.
struct FileState: Hashable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int
    private let nanoseconds: Int

    /// - Returns: `nil` for what is no plain file.
    init?(path: String) {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else { return nil }
        self.init(found)
    }

    init?(descriptor: Int32) {
        var found = stat()
        guard unsafe fstat(descriptor, &found) == 0 else { return nil }
        self.init(found)
    }

    private init?(_ found: stat) {
        guard found.st_mode & S_IFMT == S_IFREG else { return nil }
        device = UInt64(found.st_dev)
        inode = UInt64(found.st_ino)
        size = Int64(found.st_size)
        seconds = found.st_mtim.tv_sec
        nanoseconds = found.st_mtim.tv_nsec
    }
}
