import AgentLink

/// The rules of a download, from agent to spool (`mcp.md` 7.4 and 7.5). Pure: the driver reads the stream, spools and
/// hashes, and does what this says.
struct DownloadRelay: Sendable {
    enum Event: AgentStreamEvent {
        /// One message of the agent, whole.
        case message([UInt8])
        /// The agent ended the stream.
        case ended
        /// The stream broke, or a read failed.
        case broken(String)
        /// The SHA-256 of everything spooled, as asked for by ``Action/hash``.
        case digest([UInt8])
    }

    enum Action: Sendable, Hashable {
        /// The file has this size; more follows.
        case begin(size: Int)
        /// Append these bytes.
        case spool(ArraySlice<UInt8>)
        /// All is here: answer with ``Event/digest(_:)``.
        case hash
        /// The spool holds the file, verified.
        case complete(size: Int)
        case fail(RelayFailure)
    }

    private enum State: Sendable {
        case awaitingHeader
        case receiving(size: Int, received: Int)
        case verifying(size: Int, announced: [UInt8])
        case over
    }

    private var state = State.awaitingHeader

    /// After ``Action/complete(size:)`` or ``Action/fail(_:)`` nothing more may come.
    mutating func handle(_ event: Event) -> Action {
        let action: Action
        switch state {
        case .awaitingHeader: action = header(event)
        case .receiving(let size, let received): action = body(event, size, received)
        case .verifying(let size, let announced): action = verdict(event, size, announced)
        case .over: action = .fail(.agent("stream relay failed: the transfer is over"))
        }
        switch action {
        case .complete, .fail: state = .over
        case .begin, .spool, .hash: break
        }
        return action
    }

    private mutating func header(_ event: Event) -> Action {
        switch event {
        case .message(let message):
            let frame: TransferFrame
            do { frame = try TransferFrame(message) } catch { return .fail(Self.badHeader(error)) }
            switch frame {
            case .downloadBegins(let size):
                // At most 100 MiB, by the codec.
                state = .receiving(size: Int(size), received: 0)
                return .begin(size: Int(size))
            case .error(let text): return .fail(.reported(text))
            case .uploadReady, .chunk, .done: return .fail(.agent("agent returned unexpected header magic"))
            }
        case .ended: return .fail(.noAnswer("agent did not return download header: the agent ended the stream"))
        case .broken(let text): return .fail(.noAnswer("agent did not return download header: \(text)"))
        case .digest: return .fail(Self.disorder)
        }
    }

    private mutating func body(_ event: Event, _ size: Int, _ received: Int) -> Action {
        let isWhole = received == size
        switch event {
        case .message(let message):
            let frame: TransferFrame
            do { frame = try TransferFrame(message) } catch { return .fail(Self.badFrame(error, isWhole: isWhole)) }
            return take(frame, size, received)
        case .ended: return .fail(Self.missing("the agent ended the stream", isWhole: isWhole))
        case .broken(let text): return .fail(Self.missing(text, isWhole: isWhole))
        case .digest: return .fail(Self.disorder)
        }
    }

    private mutating func take(_ frame: TransferFrame, _ size: Int, _ received: Int) -> Action {
        switch frame {
        case .chunk(let payload):
            guard payload.count <= size - received else {
                return .fail(.agent("agent oversent: \(payload.count) bytes where \(size - received) were left"))
            }
            state = .receiving(size: size, received: received + payload.count)
            return .spool(payload)
        case .done(let announced, let hash):
            guard received == size else {
                return .fail(.agent("stream relay failed: the agent ended after \(received) of \(size) bytes"))
            }
            guard announced == UInt64(size) else { return .fail(.agent("download final frame: size mismatch")) }
            state = .verifying(size: size, announced: hash)
            return .hash
        case .error(let text): return .fail(.reported(text))
        case .uploadReady, .downloadBegins:
            return .fail(Self.badFrame(.unknownMagic, isWhole: received == size))
        }
    }

    private func verdict(_ event: Event, _ size: Int, _ announced: [UInt8]) -> Action {
        guard case .digest(let digest) = event else { return .fail(Self.disorder) }
        // Zeros say that the agent made no hash.
        guard announced.allSatisfy({ $0 == 0 }) || announced == digest else {
            return .fail(.agent("download final frame: sha256 mismatch"))
        }
        return .complete(size: size)
    }

    private static func badHeader(_ error: TransferFrameError) -> RelayFailure {
        switch error {
        case .unknownMagic: .agent("agent returned unexpected header magic")
        case .wrongLength, .tooLarge: .agent("agent did not return download header: \(error.text)")
        }
    }

    private static func badFrame(_ error: TransferFrameError, isWhole: Bool) -> RelayFailure {
        .agent(isWhole ? "download final frame: \(error.text)" : "stream relay failed: \(error.text)")
    }

    private static func missing(_ reason: String, isWhole: Bool) -> RelayFailure {
        .agent(
            isWhole ? "agent did not send final transfer frame: \(reason)" : "stream relay failed: \(reason)")
    }

    private static let disorder = RelayFailure.agent("stream relay failed: out of order")
}
