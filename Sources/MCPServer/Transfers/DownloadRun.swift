import AgentLink

/// Drives one ``DownloadRelay``: takes what the agent sends and puts it into the answer.
struct DownloadRun: Sendable {
    let stream: any AgentStream

    /// - Returns: the size of the file, which the agent tells first; nothing of it was read.
    /// - Throws: ``RelayFailure``; `CancellationError` when stopped.
    func size() async throws -> Int {
        var relay = DownloadRelay()
        switch relay.handle(try await stream.nextEvent()) {
        case .begin(let size): return size
        case .fail(let failure): throw failure
        case .spool, .hash, .complete: throw RelayFailure.agent("stream relay failed: out of order")
        }
    }

    /// Fills the answer with the file, and verifies it.
    /// - Returns: the size and the SHA-256 of the file.
    /// - Throws: as ``size()``, and what the answer throws.
    func run(into answer: any ToolAnswer) async throws -> (size: Int, sha256: [UInt8]) {
        var relay = DownloadRelay()
        var digest: [UInt8] = []
        // Kept together: each time changes threads. What is small and complete does not wait for more.
        var pieces: [ArraySlice<UInt8>] = []
        var collected = 0
        var action = relay.handle(try await stream.nextEvent())
        while true {
            switch action {
            case .begin(let size): answer.limit(toSize: size)
            case .spool(let bytes):
                pieces.append(bytes)
                collected += bytes.count
                if collected >= TransferPieces.batch || pieces.count == TransferPieces.messagesInBatch {
                    try await answer.append(pieces)
                    (pieces, collected) = ([], 0)
                }
            case .hash:
                try await answer.append(pieces)
                digest = try await answer.digest()
                action = relay.handle(.digest(digest))
                continue
            case .complete(let size): return (size, digest)
            case .fail(let failure): throw failure
            }
            action = relay.handle(try await stream.nextEvent())
        }
    }
}
