import Foundation
public import Logging
import Synchronization

/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json
}

/// Standard error, line by line.
public enum StandardError {
    public static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}

/// Makes the logger of the process.
public enum AgentLogging {
    public static func makeLogger(format: LogFormat, level: Logger.Level) -> Logger {
        Logger(label: "nezha-agent") { _ in
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
        StandardError.write(line(event.level, "\(event.message)", fields, Date()) + "\n")
    }

    func line(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata, _ now: Date) -> String {
        let time = now.formatted(.iso8601.time(includingFractionalSeconds: true))
        switch format {
        case .text:
            let extras = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.clean("\($0.value)"))" }
            return "\(time) \(level) \(Self.clean(message))\(extras.joined())"
        case .json:
            var object = fields.mapValues { "\($0)" }
            object["time"] = time
            object["level"] = "\(level)"
            object["message"] = message
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return (try? encoder.encode(object)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        }
    }

    /// What a peer sent must not forge lines or drive a terminal.
    private static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
