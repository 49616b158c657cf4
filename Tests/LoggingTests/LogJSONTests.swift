import Testing

@testable import Logging

@Suite("Log lines as JSON")
struct LogJSONTests {
    @Test("keys are in order, and nothing ends a text or a line")
    func escapes() {
        #expect(LogJSON.line([:]) == "{}")
        #expect(LogJSON.line(["b": "2", "a": "1"]) == #"{"a":"1","b":"2"}"#)
        // As the programs always wrote them.
        let odd = "a\u{1}\u{1F}\u{7F}\u{2028}é\t\n\r\u{8}\u{C}\"/\\😀"
        #expect(
            LogJSON.line(["k\n": "\(odd)"])
                == "{\"k\\n\":\"a\\u0001\\u001f\u{7F}\u{2028}é\\t\\n\\r\\b\\f\\\"/\\\\😀\"}")
    }
}
