import Logging
import Testing

@testable import AgentRuntime

@Suite("Log lines of the agent")
struct LogLineTests {
    @Test("text: time of day, level, message, fields in order; control characters are blanks")
    func text() {
        let line = LineLogHandler(format: .text).line(
            .warning, "two\nlines\u{1B}", ["b": "a b", "a": "é\u{7F}\u{2028}"], "10:00:00.123")
        #expect(line == "10:00:00.123 warning two lines  a=é \u{2028} b=a b")
    }

    @Test("JSON: one object of texts; time, level and message win over fields")
    func json() {
        let line = LineLogHandler(format: .json).line(
            .info, "m\n", ["level": "x", "url": "a/b\u{1}"], "10:00:00.123")
        #expect(line == #"{"level":"info","message":"m\n","time":"10:00:00.123","url":"a/b\u0001"}"#)
    }
}
