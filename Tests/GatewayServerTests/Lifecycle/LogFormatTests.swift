import Foundation
import Logging
import Testing

@testable import GatewayServer

@Suite("Log lines")
struct LogFormatTests {
    private func lines(_ format: LogFormat, level: Logger.Level = .info, _ body: (Logger) -> Void) -> [String] {
        let collected = LineCollector()
        body(
            Logger(label: "part") { label in
                LineLogHandler(label: label, format: format, logLevel: level) { collected.add($0) }
            })
        return collected.lines
    }

    @Test("JSON: one object a line, whatever is in it")
    func json() throws {
        let lines = lines(.json) { $0.warning("two\nlines \"and\" quotes", metadata: ["key": "a\u{1B}b", "n": "1"]) }
        try #require(lines.count == 1)
        #expect(!lines[0].contains("\n"))
        let object = try JSONDecoder().decode([String: String].self, from: Data(lines[0].utf8))
        #expect(object["level"] == "warning")
        #expect(object["logger"] == "part")
        #expect(object["message"] == "two\nlines \"and\" quotes")
        #expect(object["key"] == "a\u{1B}b")
        #expect(object["n"] == "1")
        #expect(object["time"]?.hasSuffix("Z") == true)
    }

    @Test("text: control characters are written out, values with blanks quoted")
    func text() {
        let lines = lines(.text) { $0.info("bad\nline\u{1B}[2J", metadata: ["who": "a b", "path": "/x"]) }
        #expect(lines.count == 1)
        #expect(lines[0].unicodeScalars.allSatisfy { $0.value >= 0x20 })
        #expect(lines[0].hasSuffix(" info part: bad\\u{a}line\\u{1b}[2J path=/x who=\"a b\""))
    }

    @Test("what is below the level is not written", arguments: LogFormat.allCases)
    func level(format: LogFormat) {
        #expect(lines(format, level: .warning) { $0.info("quiet") }.isEmpty)
    }

    @Test("a line of the logger's own metadata can be overridden by the event's")
    func merged() {
        let lines = lines(.text) { logger in
            var logger = logger
            logger[metadataKey: "a"] = "1"
            logger[metadataKey: "b"] = "1"
            logger.info("m", metadata: ["b": "2"])
        }
        #expect(lines.first?.hasSuffix("a=1 b=2") == true)
    }
}
