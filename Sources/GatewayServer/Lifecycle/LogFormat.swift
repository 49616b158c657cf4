import Foundation
public import Logging
import Synchronization

/// How log lines look on standard error.
public enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json

    /// Makes every `Logger` of the process write so. Call once, first of all.
    public func bootstrap(level: Logger.Level) {
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, format: self, logLevel: level, write: StandardErrorLine.write)
        }
    }
}

/// One line for one event, whatever it carries.
struct LineLogHandler: LogHandler {
    let label: String
    let format: LogFormat
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    let write: @Sendable (String) -> Void

    init(label: String, format: LogFormat, logLevel: Logger.Level, write: @escaping @Sendable (String) -> Void) {
        self.label = label
        self.format = format
        self.logLevel = logLevel
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
        let time = Date().formatted(
            Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        switch format {
        case .text:
            let details = all.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
            write("\(time) \(event.level) \(label): \(TerminalText.oneLine("\(event.message)"))\(details)")
        case .json:
            var object: [String: String] = [:]
            for (key, value) in all { object[key] = "\(value)" }
            object["time"] = time
            object["level"] = "\(event.level)"
            object["logger"] = label
            object["message"] = "\(event.message)"
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            // A dictionary of texts always encodes.
            guard let data = try? encoder.encode(object) else { return }
            write(String(decoding: data, as: UTF8.self))
        }
    }

    private static func quoted(_ text: String) -> String {
        let text = TerminalText.oneLine(text)
        guard text.isEmpty || text.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return text }
        return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}

/// Text of others on its way to a terminal or a log.
package enum TerminalText {
    /// With control and formatting characters spelt out: they must neither begin a line nor drive a terminal.
    package static func oneLine(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default:
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}

/// Standard error, a line at a time.
enum StandardErrorLine {
    private static let lock = Mutex(())

    @Sendable
    static func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        lock.withLock { _ in
            // Nobody is there to hear that the log is gone.
            try? FileHandle.standardError.write(contentsOf: bytes)
        }
    }
}
