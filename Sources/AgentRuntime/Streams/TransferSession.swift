import AgentLink
import Glibc
import Logging
import Secrets

/// Task 20: one file over one stream (`agent-link.md` 3, Transfer).
///
/// After the last frame, good or bad, the caller half-closes and the gateway ends the call.
struct TransferSession: Sendable {
    static let limit = Duration.seconds(300)
    /// Payload of one message of a download. Agents may send 1 MiB; messages of this size stay in the processor's cache
    /// on their way, and queues that count messages hold less memory.
    static let chunk = TransferPieces.payload
    /// Messages of a download that are read in one go.
    static let framesAtOnce = TransferPieces.batch / chunk
    /// Bytes of an upload that are collected before a thread writes them.
    static let batch = TransferPieces.batch

    let stream: any FrameStream
    var locks = PathLocks.shared
    /// Told why a transfer failed.
    var logger: Logger?

    func run(_ task: FsTransferTask) async throws {
        do {
            switch task.operation {
            case .download: try await download(task)
            case .upload: try await upload(task)
            case nil: throw TransferFailure.unknownOperation(task.op)
            }
        } catch let failure as TransferFailure {
            try await fail(task, failure.text)
        } catch let failure as FileTaskError {
            try await fail(task, failure.text)
        }
    }

    private func fail(_ task: FsTransferTask, _ text: String) async throws {
        logger?.debug("transfer failed", metadata: ["op": "\(task.op)", "path": "\(task.path)", "error": "\(text)"])
        try await stream.send(TransferFrame.error(text).bytes)
    }

    // MARK: Download

    private func download(_ task: FsTransferTask) async throws {
        let path = try transferPath(task.path)
        let source = try await WorkerThreads.files.run { try TransferSource.open(path) }
        try await stream.send(TransferFrame.downloadBegins(size: UInt64(source.size)).bytes)
        var messages = try await WorkerThreads.files.run { try source.next() }
        while !messages.isEmpty {
            // Read and hashed while the ones before are sent.
            async let next = WorkerThreads.files.run { try source.next() }
            for message in messages { try await stream.send(message) }
            messages = try await next
        }
        try await stream.send(TransferFrame.done(size: UInt64(source.size), sha256: source.finish()).bytes)
    }

    // MARK: Upload

    private func upload(_ task: FsTransferTask) async throws {
        let path = try transferPath(task.path)
        if path.isRoot { throw FileTaskError.targetsRoot }
        guard task.size >= 0, task.size <= Int64(TransferFrame.maxSize) else { throw TransferFailure.sizeOutOfRange }
        let flag = CancellationFlag()
        let locks = self.locks
        try await withTaskCancellationHandler {
            let sink = try await WorkerThreads.files.run {
                try TransferSink.open(path, task, locks: locks, isCancelled: { flag.isSet })
            }
            try await stream.send(TransferFrame.uploadReady(size: UInt64(task.size)).bytes)
            try await receiveBody(of: Int(task.size), into: sink)
            let sha256 = try await WorkerThreads.files.run { try sink.commit() }
            try await stream.send(TransferFrame.done(size: UInt64(task.size), sha256: sha256).bytes)
        } onCancel: {
            flag.set()
        }
    }

    private func receiveBody(of size: Int, into sink: TransferSink) async throws {
        try await withThrowingTaskGroup(of: Void.self) { disk in
            var missing = size
            var batch = try await receiveBatch(of: &missing)
            while !batch.isEmpty {
                let frames = batch
                async let mustSync = WorkerThreads.files.run { try sink.write(frames) }
                // Received while the one before is written.
                batch = try await receiveBatch(of: &missing)
                if try await mustSync { disk.addTask { try await WorkerThreads.files.run { try sink.sync() } } }
            }
            try await disk.waitForAll()
        }
    }

    /// Frames are small and a hop to a thread has its price, so they are written in batches.
    /// - Returns: nothing when nothing is missing.
    private func receiveBatch(of missing: inout Int) async throws -> [[UInt8]] {
        var batch: [[UInt8]] = []
        var collected = 0
        while missing > 0, collected < Self.batch, batch.count < TransferPieces.messagesInBatch {
            guard let frame = try await stream.receive() else { throw TransferFailure.cutOff }
            guard frame.count <= missing else { throw FileTaskError.outOfContract }
            missing -= frame.count
            batch.append(frame)
            collected += frame.count
        }
        return batch
    }

    private func transferPath(_ text: String) throws(TransferFailure) -> TargetPath {
        do {
            return try TargetPath(text)
        } catch {
            throw .invalidPath(error.text)
        }
    }
}

/// What ends a transfer besides the failures of its file; the texts are those of `agent-link-details.md` 3.
enum TransferFailure: Error, Sendable, Equatable {
    case invalidPath(String)
    case sizeOutOfRange
    case fileTooLarge
    case hashMismatch
    case sourceTruncated
    case unknownOperation(String)
    /// The gateway stopped sending.
    case cutOff

    var text: String {
        switch self {
        case .invalidPath(let reason): "invalid path: \(reason)"
        case .sizeOutOfRange: "size out of range: must be 0..100MiB"
        case .fileTooLarge: "file exceeds MCP transfer cap (100MiB)"
        case .hashMismatch: "sha256 mismatch"
        case .sourceTruncated: "source truncated mid-transfer"
        case .unknownOperation(let name): "unknown op: \(name.prefix(64))"
        case .cutOff: "internal agent error"
        }
    }
}
