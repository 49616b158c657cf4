import Logging
import Transport

/// Writes down what the link refuses, once for each source and reason (``RefusalThrottle``), so that an agent which
/// tries for ever does not fill the log. What it writes never holds a secret: reasons are our own words.
final class RefusalLog: Sendable {
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let throttle: Lock<RefusalThrottle>

    init(
        logger: Logger, throttle: RefusalThrottle = RefusalThrottle(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.logger = logger
        self.now = now
        self.throttle = Lock(throttle)
    }

    /// - Parameters:
    ///   - peer: an address, or `server 7` for an agent that was admitted; `nil` when unknown.
    ///   - details: what else an administrator should see with the first line of a source.
    func refused(
        _ reason: String, peer: String?, level: Logger.Level = .notice, details: Logger.Metadata = [:]
    ) {
        let source = RefusalThrottle.Source(peer: peer ?? "unknown", reason: reason)
        let lines = throttle.withLock { $0.refused(source, at: now()) }
        for line in lines {
            switch line {
            case .first(let source):
                let named: Logger.Metadata = ["peer": "\(source.peer)", "reason": "\(source.reason)"]
                logger.log(level: level, "agent refused", metadata: details.merging(named))
            case .repeated(let source, let count):
                logger.notice(
                    "agent refused repeatedly",
                    metadata: ["peer": "\(source.peer)", "reason": "\(source.reason)", "times": "\(count)"])
            case .crowded(let count):
                logger.notice("agents refused, from too many sources to name", metadata: ["times": "\(count)"])
            }
        }
    }
}

extension RefusalLog {
    /// - Parameter address: the real one, as far as known.
    func refused(_ refusal: AgentRefusal, address: String?) {
        switch refusal {
        case .foreignServer(let server, let owner, let secretOwner):
            refused(
                "\(refusal.text) (server \(server))", peer: address, level: .warning,
                details: ["server": "\(server)", "owner": "\(owner)", "secret_of": "\(secretOwner)"])
        case .unauthenticated, .blocked, .tooManyServers, .unavailable:
            refused(refusal.text, peer: address)
        }
    }

    /// An agent that was admitted and asked for what is not its own.
    func refused(_ reason: String, server: Int64) {
        refused(reason, peer: "server \(server)")
    }
}
