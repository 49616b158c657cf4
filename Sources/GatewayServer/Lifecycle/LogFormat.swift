package import Logging

/// How log lines look on standard error.
package enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json

    /// Makes every `Logger` of the process write so. Call once, first of all.
    package func bootstrap(level: Logger.Level) {
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, format: self, logLevel: level) { LineSink.standardError.write($0) }
        }
        LineSink.standardError.describeDropped { count in
            let handler = LineLogHandler(label: "nezha-gateway", format: self, logLevel: level) { _ in }
            return handler.line(
                LogEvent(level: .warning, message: "log lines were dropped", metadata: ["count": "\(count)"]))
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

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { write(line(event)) }

    func line(_ event: LogEvent) -> String {
        let all = metadata.merging(event.metadata ?? [:])
        let time = LogTime.text()
        switch format {
        case .text:
            var line = ""
            line.reserveCapacity(256)
            line += time
            line += " "
            line += event.level.rawValue
            line += " "
            line += label
            line += ": "
            line += TerminalText.oneLine(event.message.description)
            for entry in all.entries {
                line += " "
                line += entry.key
                line += "="
                line += Self.quoted(entry.value.description)
            }
            return line
        case .json:
            return LogJSON.line(
                all.merging([
                    "time": "\(time)", "level": "\(event.level)", "logger": "\(label)", "message": "\(event.message)",
                ]))
        }
    }

    private static func quoted(_ text: String) -> String {
        let text = TerminalText.oneLine(text)
        let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
        guard text.isEmpty || text.utf8.contains(where: { $0 == 0x20 || $0 == quote || $0 == UInt8(ascii: "=") })
        else { return text }
        var bytes = [quote]
        for byte in text.utf8 {
            if byte == quote || byte == backslash { bytes.append(backslash) }
            bytes.append(byte)
        }
        bytes.append(quote)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Text of others on its way to a terminal or a log.
package enum TerminalText {
    /// With control and formatting characters spelt out: they must neither begin a line nor drive a terminal.
    package static func oneLine(_ text: String) -> String {
        // Most are plain; the properties of characters are slow to look up.
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
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
