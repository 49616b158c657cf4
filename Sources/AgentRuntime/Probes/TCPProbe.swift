import AgentLink
import HTTP
import Primitives
import Transport

/// Task 3: how long a TCP connection takes (`agent-link.md` 2).
enum TCPProbe {
    static let limit = Duration.seconds(10)

    /// - Returns: `nil` when the task was cancelled. Delay is in milliseconds.
    static func run(_ target: String) async -> AgentTaskReply? {
        guard let address = ServerAddress(target) else {
            return AgentTaskReply(data: "host:port expected", successful: false)
        }
        do {
            let start = ContinuousClock.now
            let stream = try await ByteStream.connect(address, limit: limit)
            let elapsed = ContinuousClock.now - start
            await stream.close()
            return Task.isCancelled ? nil : AgentTaskReply(data: "", successful: true, delay: elapsed.milliseconds)
        } catch {
            return Task.isCancelled ? nil : AgentTaskReply(data: ProbeText.of(error), successful: false)
        }
    }
}

/// What went wrong, in a few words.
enum ProbeText {
    static func of(_ error: any Error) -> String {
        switch error {
        case is DeadlineExceeded: "timeout"
        case ConnectError.system(let error): SystemCallError(code: error.code).reason
        case let error as ConnectError: error.description
        case let error as SystemCallError: error.reason
        case let error as ProbeFailure: error.text
        case ByteStream.Failure.failed(let error): error.description
        case is ByteStream.Failure: "the connection was closed"
        case is HTTP1Client.Incomplete: "the connection ended before the answer did"
        case let fault as HTTP1Fault: text(of: fault)
        default: "\(error)"
        }
    }

    private static func text(of fault: HTTP1Fault) -> String {
        switch fault {
        case .malformed: "the answer is not HTTP"
        case .tooLarge: "the head of the answer is too long"
        case .notImplemented: "the answer has a transfer coding that is not known"
        case .versionNotSupported: "the answer is of another version of HTTP"
        case .timeout: "timeout"
        }
    }
}

extension ByteStream {
    /// A cleartext connection.
    /// - Throws: `ConnectError`.
    static func connect(_ address: ServerAddress, limit: Duration) async throws -> ByteStream {
        guard let port = UInt16(exactly: address.port) else { throw ProbeFailure(text: "host:port expected") }
        return try await Connector.connect(host: address.host, port: port, limit: limit, on: .shared) {
            transport, _, loop in
            let (speaker, stream) = ByteStream.make(over: transport, on: loop)
            return (speaker, stream)
        }
    }
}

/// A failure that has its text already.
struct ProbeFailure: Error, Sendable {
    var text: String
}

extension Duration {
    var milliseconds: Float {
        Float(Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15)
    }
}
