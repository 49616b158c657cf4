import AgentLink
import Glibc
import Primitives
import Secrets
import Synchronization

/// The file of a download, read and hashed piece by piece. Its calls block, one at a time.
final class TransferSource: Sendable {
    let size: Int64
    private let file: Descriptor
    private let state: Mutex<State>

    private struct State: ~Copyable {
        var hash: SHA256Stream? = SHA256Stream()
        var missing: Int64
        /// What was read at the start.
        var content: ArraySlice<UInt8>?
    }

    /// The size is that of this moment: what is appended later does not belong to the transfer. Small files are read at
    /// once, because those of the kernel say another size than they have.
    static func open(_ path: TargetPath) throws -> TransferSource {
        let file = try SafeOpen.regularFile(path.cString)
        do {
            let size = try FileStatus(of: file).size
            guard size <= Int64(TransferFrame.maxSize) else { throw TransferFailure.fileTooLarge }
            guard UnsizedFile.isSuspect(size) else { return TransferSource(file, size: size, content: nil) }
            guard let content = try UnsizedFile.read(file, size: size) else { throw TransferFailure.fileTooLarge }
            return TransferSource(file, size: Int64(content.count), content: content[...])
        } catch let error as SystemCallError {
            throw FileTaskError.system(error)
        }
    }

    private init(_ file: consuming Descriptor, size: Int64, content: ArraySlice<UInt8>?) {
        self.file = file
        self.size = size
        state = Mutex(State(missing: size, content: content))
    }

    /// The next messages (NZTC), a batch at most; empty when all was read.
    func next() throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while messages.count < TransferSession.framesAtOnce {
            guard let message = try nextMessage() else { break }
            messages.append(message)
        }
        return messages
    }

    private func nextMessage() throws -> [UInt8]? {
        let (wanted, piece) = state.withLock { state in
            let wanted = min(TransferSession.chunk, Int(clamping: state.missing))
            defer { state.content = state.content?.dropFirst(wanted) }
            return (wanted, state.content?.prefix(wanted))
        }
        if wanted == 0 { return nil }
        let message: [UInt8]
        do {
            message = try unsafe TransferFrame.chunk(upTo: wanted) { room throws(SystemCallError) in
                guard let piece else { return try unsafe file.read(into: room) }
                unsafe room.copyBytes(from: piece)
                return piece.count
            }
        } catch {
            throw FileTaskError.system(error)
        }
        if message.isEmpty { throw TransferFailure.sourceTruncated }
        let payload = message[TransferFrame.chunkHeaderLength...]
        state.withLock { state in
            state.missing -= Int64(payload.count)
            state.hash?.update(payload)
        }
        return message
    }

    /// The hash of all that was read.
    func finish() -> [UInt8] {
        state.withLock { $0.hash.take()?.finish() } ?? []
    }
}

/// The file of an upload: written beside the old one, and put in its place only when everything is right. Whatever
/// happens before leaves the old file alone and removes the temporary one, at the latest when this object goes.
final class TransferSink: Sendable {
    private struct State: ~Copyable {
        var replacement: AtomicReplacement?
        var hash: SHA256Stream? = SHA256Stream()
        /// Bytes written since the last ``TransferSink/sync()`` began.
        var unsynced = 0
        var isSyncing = false
    }

    /// Bytes for which it pays to sync them while others come: at the end there is that much less to wait for.
    static let syncStep = 4 << 20

    private let path: TargetPath
    private let mode: mode_t?
    private let precondition: String
    private let expected: String
    private let locks: PathLocks
    private let isCancelled: @Sendable () -> Bool
    private let state: Mutex<State>

    /// Checks everything that can be checked before the first byte.
    static func open(
        _ path: TargetPath, _ task: FsTransferTask, locks: PathLocks, isCancelled: @escaping @Sendable () -> Bool
    ) throws -> TransferSink {
        let mode = try FileMode.parse(task.mode)
        try locks.withLock(path) { () throws(FileTaskError) in
            try FileHash.checkPrecondition(task.ifMatchSHA256, path, isCancelled: isCancelled)
        }
        let replacement = try AtomicReplacement.begin(of: path, createDirectories: task.createDirs)
        return TransferSink(path, task, mode, locks, isCancelled, replacement)
    }

    private init(
        _ path: TargetPath, _ task: FsTransferTask, _ mode: mode_t?, _ locks: PathLocks,
        _ isCancelled: @escaping @Sendable () -> Bool, _ replacement: consuming AtomicReplacement
    ) {
        self.path = path
        self.mode = mode
        self.locks = locks
        self.isCancelled = isCancelled
        precondition = task.ifMatchSHA256
        expected = task.expectedSHA256
        state = Mutex(State(replacement: replacement))
    }

    /// - Returns: whether ``sync()`` is to be called.
    func write(_ frames: [[UInt8]]) throws -> Bool {
        try state.withLock { state in
            for frame in frames {
                // Gone only after commit, when nobody writes any more.
                try state.replacement?.write(frame)
                state.hash?.update(frame)
            }
            state.unsynced += frames.reduce(0) { $0 + $1.count }
            guard state.unsynced >= Self.syncStep, !state.isSyncing else { return false }
            (state.unsynced, state.isSyncing) = (0, true)
            return true
        }
    }

    /// Waits until what was written so far is on the disk, or leaves it to ``commit()`` where no descriptor is to be had.
    /// More may be written meanwhile.
    func sync() throws(FileTaskError) {
        defer { state.withLock { $0.isSyncing = false } }
        do throws(SystemCallError) {
            try state.withLock { $0.replacement?.duplicate() }?.sync()
        } catch {
            throw .system(error)
        }
    }

    /// Puts the file in its place, if it is what was announced and the old one is still what it was.
    /// - Returns: The hash of what was written.
    func commit() throws -> [UInt8] {
        let sha256 = state.withLock { $0.hash.take()?.finish() } ?? []
        guard expected.isEmpty || Hex.encode(sha256) == expected else {
            discard()
            throw TransferFailure.hashMismatch
        }
        do {
            try locks.withLock(path) { () throws(FileTaskError) in
                try FileHash.checkPrecondition(precondition, path, isCancelled: isCancelled)
                if isCancelled() { throw .cancelled }
                try finish()
            }
        } catch {
            discard()
            throw error
        }
        return sha256
    }

    private func finish() throws(FileTaskError) {
        let replacement = state.withLock { $0.replacement.take() }
        guard let replacement else { throw .outOfContract }
        try replacement.commit(mode: mode)
    }

    private func discard() {
        state.withLock { $0.replacement = nil }
    }
}
