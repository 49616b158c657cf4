import AgentLink

/// The rules of an upload, from client to agent (`mcp.md` 7.4 and 7.6). Pure: the driver reads both sides, hashes and
/// sends, and does what this says. The agent may speak at any time, also while the body is on its way.
struct UploadRelay: Sendable {
    enum Event: AgentStreamEvent {
        /// One message of the agent, whole.
        case message([UInt8])
        /// The agent ended the stream.
        case ended
        /// The stream broke, or a read failed.
        case broken(String)
        /// So many bytes came from the client.
        case body(count: Int)
        /// The client's body is at its end; the SHA-256 of all of it.
        case bodyEnded(sha256: [UInt8])
        /// The client left in the middle.
        case bodyBroken
        /// Body bytes could not be sent to the agent.
        case sendFailed(String)
        /// The time that ``Action/hearOut`` allowed is over.
        case graceOver
    }

    enum Action: Sendable, Hashable {
        /// Nothing to do but to go on.
        case proceed
        /// The agent is ready: start reading the client's body.
        case startBody
        /// Send to the agent the bytes that just came.
        case forward
        /// The body is whole; the agent's last word is awaited.
        case awaitReceipt
        /// Sending failed, and the agent's reason may still be in the stream: read on for a moment, then ``Event/graceOver``.
        case hearOut
        case complete(Receipt)
        case fail(RelayFailure)
    }

    /// What the agent stored.
    struct Receipt: Sendable, Hashable {
        var size: Int
        /// As the agent said; zeros when it made no hash.
        var sha256: [UInt8]
    }

    private enum State: Sendable {
        case awaitingReady
        /// `receipt` is the agent's NZTO when it was quicker than the end of the client's body.
        case sending(sent: Int, receipt: Receipt?)
        case settling(digest: [UInt8])
        case doomed(String)
        case over
    }

    private var state = State.awaitingReady
    private let size: Int
    private let wanted: [UInt8]?

    /// - Parameters:
    ///   - size: the `Content-Length`.
    ///   - wanted: the SHA-256 that the client announced (`?sha256=`).
    init(size: Int, wanted: [UInt8]?) {
        self.size = size
        self.wanted = wanted
    }

    /// After ``Action/complete(_:)`` or ``Action/fail(_:)`` nothing more may come.
    mutating func handle(_ event: Event) -> Action {
        let action: Action
        switch (event, state) {
        case (_, .over): action = .fail(.agent("stream relay failed: the transfer is over"))
        case (.bodyBroken, _): action = .fail(.clientGone)
        case (_, .awaitingReady): action = ready(event)
        case (_, .sending(let sent, let receipt)): action = sending(event, sent, receipt)
        case (_, .settling(let digest)): action = settling(event, digest)
        case (_, .doomed(let text)): action = doomed(event, text)
        }
        switch action {
        case .complete, .fail: state = .over
        default: break
        }
        return action
    }

    private mutating func ready(_ event: Event) -> Action {
        switch event {
        case .message(let message):
            switch Result(catching: { () throws(TransferFrameError) in try TransferFrame(message) }) {
            case .success(.uploadReady(let announced)) where announced == UInt64(size):
                state = .sending(sent: 0, receipt: nil)
                return .startBody
            case .success(.uploadReady), .failure(.tooLarge):
                return .fail(.agent("agent acknowledged unexpected size"))
            case .success(.error(let text)): return .fail(.reported(text))
            case .success, .failure(.unknownMagic): return .fail(.agent("agent returned unexpected header magic"))
            case .failure(let error):
                return .fail(.agent("agent did not return upload ready frame: \(error.text)"))
            }
        case .ended: return .fail(.noAnswer("agent did not return upload ready frame: the agent ended the stream"))
        case .broken(let text): return .fail(.noAnswer("agent did not return upload ready frame: \(text)"))
        default: return .fail(Self.disorder)
        }
    }

    private mutating func sending(_ event: Event, _ sent: Int, _ receipt: Receipt?) -> Action {
        switch event {
        case .body(let count):
            guard count <= size - sent else {
                return .fail(.agent("stream relay failed: the body is longer than its Content-Length"))
            }
            state = .sending(sent: sent + count, receipt: receipt)
            return .forward
        case .bodyEnded(let digest):
            guard sent == size else {
                return .fail(.agent("stream relay failed: the body ended after \(sent) of \(size) bytes"))
            }
            state = .settling(digest: digest)
            return receipt.map { judge($0, digest) } ?? .awaitReceipt
        case .message(let message):
            return early(message, sent, receipt)
        case .sendFailed(let text):
            state = .doomed(text)
            return .hearOut
        case .ended:
            // The agent ends its side after its receipt.
            return receipt == nil ? .fail(.agent("stream relay failed: the agent ended the stream")) : .proceed
        case .broken(let text):
            return receipt == nil ? .fail(.agent("stream relay failed: \(text)")) : .proceed
        case .bodyBroken, .graceOver: return .fail(Self.disorder)
        }
    }

    /// The agent speaks before the end of the client's body was seen: a refusal, or a receipt that was quicker.
    private mutating func early(_ message: [UInt8], _ sent: Int, _ receipt: Receipt?) -> Action {
        switch Result(catching: { () throws(TransferFrameError) in try TransferFrame(message) }) {
        case .success(.error(let text)): return .fail(.reported(text))
        case .success(.done(let stored, let hash)) where sent == size && receipt == nil:
            state = .sending(sent: sent, receipt: Receipt(size: Int(stored), sha256: hash))
            return .proceed
        case .success(.done): return .fail(.agent("stream relay failed: the agent answered before the body was whole"))
        case .success: return .fail(.agent("stream relay failed: \(TransferFrameError.unknownMagic.text)"))
        case .failure(let error): return .fail(.agent("stream relay failed: \(error.text)"))
        }
    }

    private func settling(_ event: Event, _ digest: [UInt8]) -> Action {
        switch event {
        case .message(let message):
            switch Result(catching: { () throws(TransferFrameError) in try TransferFrame(message) }) {
            case .success(.done(let stored, let hash)):
                return judge(Receipt(size: Int(stored), sha256: hash), digest)
            case .success(.error(let text)): return .fail(.reported(text))
            case .success, .failure(.unknownMagic): return .fail(.agent("agent returned unexpected final magic"))
            case .failure(let error): return .fail(.agent("agent did not acknowledge upload: \(error.text)"))
            }
        case .ended: return .fail(.noAnswer("agent did not acknowledge upload: the agent ended the stream"))
        case .broken(let text): return .fail(.noAnswer("agent did not acknowledge upload: \(text)"))
        default: return .fail(Self.disorder)
        }
    }

    private func doomed(_ event: Event, _ text: String) -> Action {
        if case .message(let message) = event, case .error(let reason)? = try? TransferFrame(message) {
            return .fail(.reported(reason))
        }
        return .fail(.agent("stream relay failed: \(text)"))
    }

    private func judge(_ receipt: Receipt, _ digest: [UInt8]) -> Action {
        guard receipt.size == size else { return .fail(.agent("agent acknowledged unexpected size")) }
        if let wanted, wanted != digest { return .fail(.agent("sha256 mismatch")) }
        // Zeros say that the agent made no hash.
        guard receipt.sha256.allSatisfy({ $0 == 0 }) || receipt.sha256 == digest else {
            return .fail(.agent("sha256 mismatch: the agent stored other bytes"))
        }
        return .complete(receipt)
    }

    private static let disorder = RelayFailure.agent("stream relay failed: out of order")
}
