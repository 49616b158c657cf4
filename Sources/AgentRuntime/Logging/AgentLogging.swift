import Glibc
package import Logging

/// How log lines look.
package enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json
}

/// Standard error, at once: what a command says before it ends.
package enum StandardError {
    package static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            // Nobody is there to hear that standard error is gone.
            guard count > 0 || errno == EINTR else { return }
            rest = rest.dropFirst(max(0, count))
        }
    }
}

/// Standard output, at once: the answer of a command.
package enum StandardOutput {
    /// - Returns: Whether all of `text` was written: a command whose answer is lost must not look as if it had been heard.
    package static func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || count < 0 && errno == EINTR else { return false }
            rest = rest.dropFirst(max(0, count))
        }
        return true
    }
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

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
        LineSink.standardError.write(line(event.level, "\(event.message)", fields, LogTime.timeOfDay()))
    }

    /// - Parameter time: `10:00:00.123`: whoever keeps the lines adds the day.
    func line(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata, _ time: String) -> String {
        switch format {
        case .text:
            let extras = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.clean("\($0.value)"))" }
            return "\(time) \(level) \(Self.clean(message))\(extras.joined())"
        case .json:
            var object = fields.mapValues { "\($0)" }
            object["time"] = time
            object["level"] = "\(level)"
            object["message"] = message
            return LogJSON.line(object)
        }
    }

    /// What a peer sent must not forge lines or drive a terminal.
    private static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
