import AgentLink
import Synchronization

/// The answer of a download: kept in a ``FileSpool`` until it is whole, then sent piece by piece.
///
/// The call reads the spool and the response writes to the client, in tasks of their own; so a call that is stopped ends
/// at once, however long the client takes for the piece that is on its way.
final class SpooledAnswer: ToolAnswer {
    /// What stands in the head of the response.
    struct Whole: Sendable {
        /// Bytes.
        var size: Int
        var sha256: [UInt8]
    }

    /// Read from the spool and written to the client at a time.
    private static let pieceSize = TransferPieces.payload

    private struct State {
        var spool: FileSpool?
        var whole = Whole(size: 0, sha256: [])
        var hasFailed = false
    }

    private let directory: String
    private let reservation: SpoolSpace.Reservation
    private let state = Mutex(State())
    private let beginnings = AsyncStream.makeStream(of: Whole.self)
    /// One at a time: the next comes when the one before is with the client.
    private let pieces = AsyncStream.makeStream(of: [UInt8].self)
    private let taken = AsyncStream.makeStream(of: Void.self)

    init(directory: String, reservation: SpoolSpace.Reservation) {
        self.directory = directory
        self.reservation = reservation
    }

    /// Whether the spool failed, and not the agent.
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    // MARK: The call's side

    func open() async throws {
        let spool = try await kept { try await FileSpool.make(in: directory, reservation: reservation) }
        state.withLock { $0.spool = spool }
    }

    /// The disk space that was kept for more is given back.
    func limit(toSize size: Int) { reservation.shrink(to: size) }

    func append(_ pieces: [ArraySlice<UInt8>]) async throws {
        try await kept { try await spool().append(pieces) }
        let count = pieces.reduce(0) { $0 + $1.count }
        state.withLock { $0.whole.size += count }
    }

    func digest() async throws -> [UInt8] {
        let digest = try await kept { try await spool().digest() }
        state.withLock { $0.whole.sha256 = digest }
        return digest
    }

    func send() async throws {
        beginnings.continuation.yield(state.withLock { $0.whole })
        let spool = try spool()
        var taken = taken.stream.makeAsyncIterator()
        var piece = try await kept { try await spool.read(at: 0, count: Self.pieceSize) }
        var offset = piece.count
        while !piece.isEmpty {
            try Task.checkCancellation()
            pieces.continuation.yield(piece)
            // Read while the client takes the one before.
            piece = try await kept { try await spool.read(at: offset, count: Self.pieceSize) }
            offset += piece.count
            guard await taken.next() != nil else { throw CancellationError() }
        }
    }

    private func spool() throws -> FileSpool {
        guard let spool = state.withLock({ $0.spool }) else { throw FileSpool.Failure.closed }
        return spool
    }

    private func kept<T: Sendable>(_ work: () async throws -> T) async throws -> T {
        do {
            return try await work()
        } catch let failure as FileSpool.Failure {
            state.withLock { $0.hasFailed = true }
            throw ToolFailure.agentError("transfer spool: \(failure)")
        }
    }

    // MARK: The response's side

    /// What is going to be sent; `nil` when the call has ended, or the client has gone, before there was anything.
    func beginning() async -> Whole? {
        var first = beginnings.stream.makeAsyncIterator()
        return await first.next()
    }

    /// Writes everything to the client; returns when the call is over.
    /// - Throws: what `write` throws.
    func write(to write: ([UInt8]) async throws -> Void) async throws {
        for await piece in pieces.stream {
            try await write(piece)
            taken.continuation.yield()
        }
    }

    /// The call is over: the disk is free, and so is who waits.
    func end() {
        if let spool = state.withLock({ $0.spool.take() }) { spool.close() } else { reservation.release() }
        beginnings.continuation.finish()
        pieces.continuation.finish()
        taken.continuation.finish()
    }
}
