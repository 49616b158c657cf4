import AgentLink
import NIOCore
import NIOPosix

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
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(.nanoseconds(limit.components.seconds * 1_000_000_000))
                .connect(host: address.host, port: address.port).get()
            let elapsed = ContinuousClock.now - start
            try? await channel.close()
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
        case is DeadlineExceeded, ChannelError.connectTimeout: "timeout"
        case let error as NIOConnectionError:
            error.connectionErrors.last.map { of($0.error) } ?? (error.dnsAError ?? error.dnsAAAAError).map(of)
                ?? "host not found"
        case let error as IOError: SystemCallError(code: error.errnoCode).reason
        case let error as SystemCallError: error.reason
        case let error as ProbeFailure: error.text
        case is SocketAddressError: "host not found"
        default: "\(error)"
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
