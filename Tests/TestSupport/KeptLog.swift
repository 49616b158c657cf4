package import Logging
import Transport

/// Keeps what is logged, for a test to look at.
package final class KeptLog: Sendable {
    private struct Handler: LogHandler {
        let log: KeptLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.MetadataValue? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.kept.withLock { $0.append(event) } }
    }

    private let kept = Lock<[LogEvent]>([])

    package init() {}

    package var events: [LogEvent] { kept.withLock { $0 } }
    /// Of every level.
    package var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }
}
