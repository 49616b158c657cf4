import AgentLink
import HTTP
import Secrets
import Synchronization

/// Drives one ``UploadRelay``: one task reads the client and sends to the agent, another listens to the agent all the
/// while, so that a refusal stops the client's body at once.
///
/// Holds one chunk of the body at a time.
final class UploadRun: Sendable {
    /// Sent to the agent in one message at most.
    private static let frameSize = TransferPieces.payload
    /// How long the agent's reason is waited for after sending to it has failed.
    private static let grace: Duration = .seconds(2)

    private let stream: any AgentStream
    private let body: RequestBody
    private let relay: Mutex<UploadRelay>
    /// Of the body; `nil` once it is finished.
    private let hash = Mutex<SHA256Stream?>(SHA256Stream())

    init(stream: any AgentStream, body: RequestBody, relay: UploadRelay) {
        self.stream = stream
        self.body = body
        self.relay = Mutex(relay)
    }

    /// - Throws: ``RelayFailure``; `CancellationError` when stopped.
    func run() async throws -> UploadRelay.Receipt {
        guard case .startBody = try step(try await stream.nextEvent()) else {
            throw RelayFailure.agent("agent did not return upload ready frame")
        }
        return try await withThrowingTaskGroup(of: UploadRelay.Receipt?.self) { group in
            group.addTask { try await self.pump() }
            group.addTask { try await self.listen() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw RelayFailure.agent("agent did not acknowledge upload")
        }
    }

    /// The client's body, to the agent.
    private func pump() async throws -> UploadRelay.Receipt? {
        while let chunk = try await nextChunk() {
            _ = try step(.body(count: chunk.count))
            hash.withLock { $0?.update(chunk) }
            try await forward(chunk)
        }
        try Task.checkCancellation()
        guard case .complete(let receipt) = try step(.bodyEnded(sha256: digest())) else { return nil }
        return receipt
    }

    private func digest() -> [UInt8] { hash.withLock { $0.take()?.finish() } ?? [] }

    private func nextChunk() async throws -> [UInt8]? {
        do {
            return try await body.next()
        } catch {
            try Task.checkCancellation()
            _ = try step(.bodyBroken)
            throw RelayFailure.clientGone
        }
    }

    private func forward(_ chunk: [UInt8]) async throws {
        do {
            // What is a little longer is not worth the copies that cutting it costs.
            guard chunk.count > 2 * Self.frameSize else { return try await stream.send(chunk) }
            for start in stride(from: 0, to: chunk.count, by: Self.frameSize) {
                try await stream.send(Array(chunk[start..<min(start + Self.frameSize, chunk.count)]))
            }
        } catch let error as CancellationError {
            throw error
        } catch {
            _ = try step(.sendFailed(error.streamText))
            // The listener finds the reason in the stream and ends this sleep, or there is none.
            try await Task.sleep(for: Self.grace)
            _ = try step(.graceOver)
        }
    }

    /// The agent's words.
    private func listen() async throws -> UploadRelay.Receipt? {
        while true {
            let event: UploadRelay.Event = try await stream.nextEvent()
            if case .complete(let receipt) = try step(event) { return receipt }
            // Its receipt was here before; nothing more comes.
            guard case .message = event else { return nil }
        }
    }

    private func step(_ event: UploadRelay.Event) throws(RelayFailure) -> UploadRelay.Action {
        let action = relay.withLock { $0.handle(event) }
        if case .fail(let failure) = action { throw failure }
        return action
    }
}
