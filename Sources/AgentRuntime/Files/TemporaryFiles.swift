import Glibc
import Primitives
import Synchronization

/// Remembers, in a small file beside the configuration, which temporary files there are. Whatever ends the process
/// between the beginning of a write and its end, the next start removes them: they may be large, and lie anywhere.
final class TemporaryFiles: Sendable {
    /// Of all writes of the process.
    static let shared = TemporaryFiles()
    /// How their names begin; 12 letters and digits follow.
    static let prefix = Array(".mcp-write-".utf8)

    private struct State {
        var journal: String?
        var paths: Set<[UInt8]> = []
    }

    /// Bytes of the journal: a path has at most 4,096, and few are written at once.
    private static let maxJournal = 1 << 20

    private let state = Mutex(State())

    /// Removes what an earlier process left, and remembers from now on.
    /// - Parameter journal: where; without the right to write there nothing is remembered.
    /// - Returns: How many files were removed.
    @discardableResult
    func open(journal: String) -> Int {
        let removed = Self.sweep(journal)
        state.withLock { state in
            state.journal = journal
            Self.save(state)
        }
        return removed
    }

    /// To be called before the file is made.
    func add(_ path: [UInt8]) {
        state.withLock { state in
            state.paths.insert(path)
            Self.save(state)
        }
    }

    /// It is not there any more.
    func remove(_ path: [UInt8]) {
        state.withLock { state in
            state.paths.remove(path)
            Self.save(state)
        }
    }

    /// Each path is ended by a zero byte.
    private static func save(_ state: State) {
        guard let journal = state.journal else { return }
        if state.paths.isEmpty {
            unsafe unlink(journal)
            return
        }
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        let raw = unsafe Glibc.open(journal, flags, 0o600)
        guard raw >= 0 else { return }
        try? Descriptor(owning: raw).writeAll(Array(state.paths.map { $0 + [0] }.joined()))
    }

    private static func sweep(_ journal: String) -> Int {
        guard let bytes = try? AtomicFile.read(journal, limit: maxJournal) else { return 0 }
        var removed = 0
        for path in bytes.split(separator: 0) where isOurs(path) {
            let name = path.map { CChar(bitPattern: $0) } + [0]
            guard let status = try? unsafe FileStatus(name), status.kind == .file else { continue }
            if unsafe unlink(name) == 0 { removed += 1 }
        }
        return removed
    }

    /// Whoever can write the journal must not have anything else removed.
    private static func isOurs(_ path: ArraySlice<UInt8>) -> Bool {
        guard path.first == UInt8(ascii: "/"), let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return false }
        let name = path[(slash + 1)...]
        return name.starts(with: prefix) && name.count == prefix.count + 12
    }
}
