import Synchronization
import TestSupport
import Testing

@testable import Logging

@Suite("Loggers")
struct LoggerTests {
    @Test("what is below the level is neither written nor evaluated")
    func levels() {
        let log = KeptLog()
        var logger = log.logger
        logger.logLevel = .warning
        var evaluated = 0
        func text() -> Logger.Message {
            evaluated += 1
            return "text"
        }
        func metadata() -> Logger.Metadata? {
            evaluated += 1
            return nil
        }
        logger.trace(text(), metadata: metadata())
        logger.debug(text(), metadata: metadata())
        logger.info(text(), metadata: metadata())
        logger.notice(text(), metadata: metadata())
        #expect(evaluated == 0)
        logger.warning(text(), metadata: metadata())
        logger.error(text(), metadata: metadata())
        logger.critical(text(), metadata: metadata())
        logger.log(level: .info, text())
        #expect(evaluated == 6)
        #expect(log.events.map(\.level) == [.warning, .error, .critical])
    }

    @Test("levels are ordered as they are listed")
    func order() {
        #expect(Logger.Level.allCases == Logger.Level.allCases.sorted())
        #expect(
            Logger.Level.allCases.map { "\($0)" }.joined(separator: " ")
                == "trace debug info notice warning error critical")
        #expect(Logger.Level(rawValue: "loud") == nil)
    }

    @Test("a copy of a logger has its own level and metadata")
    func copies() {
        let log = KeptLog()
        let logger = log.logger
        var copy = logger
        copy.logLevel = .critical
        copy[metadataKey: "a"] = "1"
        #expect(logger.logLevel == .trace)
        #expect(logger[metadataKey: "a"] == nil)
        #expect(copy[metadataKey: "a"] == "1")
        #expect(copy.label == "test")
    }

    @Test("without a handler lines have the default form, with the module that wrote them")
    func defaultForm() throws {
        let lines = KeptLines()
        var logger = Logger(label: "part") { DefaultLogHandler(label: $0, write: lines.add) }
        logger[metadataKey: "b"] = "1"
        logger.notice("message", metadata: ["a": "\(2)", "b": "3"])
        logger.debug("not shown")
        let line = try #require(lines.all.first)
        #expect(lines.all.count == 1)
        let form = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} notice part: a=2 b=3 \[LoggingTests\] message/
        #expect(try form.wholeMatch(in: line) != nil, "\(line)")
    }

    @Test(
        "instants are written as UTC with milliseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"), (4_107_542_400_001, "2100-03-01T00:00:00.001Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ])
    func time(milliseconds: Int64, text: String) {
        #expect(LogTime.text(milliseconds: milliseconds) == text)
        #expect(text.contains("T\(LogTime.timeOfDay(milliseconds: milliseconds))Z"))
    }
}

private final class KeptLines: Sendable {
    private let kept = Mutex<[String]>([])

    var all: [String] { kept.withLock { $0 } }

    @Sendable
    func add(_ line: String) { kept.withLock { $0.append(line) } }
}
