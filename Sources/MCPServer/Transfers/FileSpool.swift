import Dispatch
import Glibc
import Secrets
import Synchronization

/// A temporary file without a name: what a download waits in until it is verified (`mcp.md` 7.5).
///
/// Reading, writing and hashing happen on threads of their own, never on the cooperative pool or an event loop. One
/// operation at a time is awaited by one user; ``close()`` may come from anywhere, at any time, and frees the disk.
final class FileSpool: Sendable {
    struct Failure: Error, Sendable, Hashable, CustomStringConvertible {
        /// Such as `No space left on device`; names no path.
        var description: String

        static let closed = Failure(description: "closed")
        static let short = Failure(description: "unexpected end of file")

        static var last: Failure { unsafe Failure(description: String(cString: strerror(errno))) }
    }

    private struct File: ~Copyable {
        var descriptor: Int32
        var size = 0
        var hash: SHA256Stream? = SHA256Stream()

        init(descriptor: Int32) { self.descriptor = descriptor }

        deinit {
            if descriptor >= 0 { _ = systemClose(descriptor) }
        }

        mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
            var rest = unsafe bytes
            while unsafe !rest.isEmpty {
                let written = unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(size))
                guard written > 0 else {
                    if errno == EINTR { continue }
                    throw Failure.last
                }
                size += written
                unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
            }
            unsafe hash?.update(bytes)
        }

        mutating func close() {
            if descriptor >= 0 { _ = systemClose(descriptor) }
            descriptor = -1
            hash = nil
        }
    }

    private static let queue = DispatchQueue(
        label: "nezha.transfers.spool", qos: .userInitiated, attributes: .concurrent)

    private let file: Mutex<File>
    private let reservation: SpoolSpace.Reservation

    private init(descriptor: Int32, reservation: SpoolSpace.Reservation) {
        file = Mutex(File(descriptor: descriptor))
        self.reservation = reservation
    }

    /// Makes an empty file in `directory` and takes its name away at once.
    /// - Throws: ``Failure``.
    static func make(in directory: String, reservation: SpoolSpace.Reservation) async throws -> FileSpool {
        try await onQueue {
            let path = "\(directory)/nezha-transfer-\(SecureRandom.alphanumeric(24))"
            let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Failure.last }
            unsafe unlink(path)
            return FileSpool(descriptor: descriptor, reservation: reservation)
        }
    }

    /// Adds pieces at the end, to the file and to the digest.
    func append(_ pieces: [ArraySlice<UInt8>]) async throws {
        try await withFile { file in
            for piece in pieces { try unsafe piece.withUnsafeBytes { try unsafe file.append($0) } }
        }
        reservation.spend(pieces.reduce(0) { $0 + $1.count })
    }

    /// The SHA-256 of everything appended; nothing may be appended afterwards.
    func digest() async throws -> [UInt8] {
        try await withFile { file in
            guard let hash = file.hash.take() else { throw Failure.closed }
            return hash.finish()
        }
    }

    /// `count` bytes from `offset`, or what there is of them.
    func read(at offset: Int, count: Int) async throws -> [UInt8] {
        try await withFile { file in
            let count = max(0, min(count, file.size - offset))
            let descriptor = file.descriptor
            return try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                while filled < count {
                    let start = unsafe UnsafeMutableRawBufferPointer(buffer).baseAddress.map { unsafe $0 + filled }
                    let got = unsafe pread(descriptor, start, count - filled, off_t(offset + filled))
                    if got < 0, errno == EINTR { continue }
                    guard got != 0 else { throw Failure.short }
                    guard got > 0 else { throw Failure.last }
                    filled += got
                }
            }
        }
    }

    /// Frees the disk; later operations fail. Idempotent, returns at once.
    func close() {
        Self.queue.async {
            self.file.withLock { $0.close() }
            self.reservation.release()
        }
    }

    private func withFile<T: Sendable>(_ operation: @escaping @Sendable (inout File) throws -> T) async throws -> T {
        try await Self.onQueue {
            try self.file.withLock { file in
                guard file.descriptor >= 0 else { throw Failure.closed }
                return try operation(&file)
            }
        }
    }

    private static func onQueue<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: work)) }
        }
    }
}

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
