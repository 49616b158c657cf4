package import Logging

/// How log lines look.
package enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json
}

/// Makes the logger of the process.
package enum AgentLogging {
    package static func makeLogger(format: LogFormat, level: Logger.Level) -> Logger {
        LineSink.standardError.describeDropped { dropped in
            LineLogHandler(format: format).line(
                .warning, "log lines were dropped", ["count": "\(dropped)"], LogTime.timeOfDay())
        }
        return Logger(label: "nezha-agent") { _ in
            var handler = LineLogHandler(format: format)
            handler.logLevel = level
            return handler
        }
    }
}

/// One line an event on standard error.
struct LineLogHandler: LogHandler {
    let format: LogFormat
    var logLevel = Logger.Level.info
    var metadata = Logger.Metadata()

    init(format: LogFormat) {
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:])
        LineSink.standardError.write(line(event.level, "\(event.message)", fields, LogTime.timeOfDay()))
    }

    /// - Parameter time: `10:00:00.123`: whoever keeps the lines adds the day.
    func line(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata, _ time: String) -> String {
        switch format {
        case .text:
            let extras = fields.entries.map { " \($0.key)=\(Self.clean("\($0.value)"))" }
            return "\(time) \(level) \(Self.clean(message))\(extras.joined())"
        case .json:
            return LogJSON.line(
                fields.merging(["time": "\(time)", "level": "\(level)", "message": "\(message)"]))
        }
    }

    /// What a peer sent must not forge lines or drive a terminal.
    private static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
