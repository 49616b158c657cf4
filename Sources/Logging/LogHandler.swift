/// Gives lines a form and puts them somewhere. A value: loggers copy it. `log` may run on an event loop, so it must
/// not wait for anything.
package protocol LogHandler: Sendable {
    var logLevel: Logger.Level { get set }
    var metadata: Logger.Metadata { get set }
    subscript(metadataKey key: String) -> Logger.MetadataValue? { get set }

    /// Called for events at `logLevel` and above only.
    func log(event: LogEvent)
}

/// Writes nothing.
package struct SwiftLogNoOpLogHandler: LogHandler {
    package var logLevel: Logger.Level {
        get { .critical }
        set {}
    }
    package var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    package init() {}

    package subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { nil }
        set {}
    }

    package func log(event: LogEvent) {}
}

/// The handler of loggers that were not given one.
package enum LoggingSystem {
    private static let factory = LogLock<(@Sendable (String) -> any LogHandler)?>(nil)

    /// Every `Logger(label:)` made from now on has the handler that `make` returns for its label. Once, first of all.
    package static func bootstrap(_ make: @escaping @Sendable (String) -> any LogHandler) {
        factory.withLock { $0 = make }
    }

    static func makeHandler(label: String) -> any LogHandler {
        let make = factory.withLock { $0 }
        return make?(label) ?? DefaultLogHandler(label: label)
    }
}
