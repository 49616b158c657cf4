import Primitives
import Testing

@Suite("Texts, times and lists")
struct TextTests {
    @Test(
        "blanks are spaces and tabs",
        arguments: [
            ("", ""), (" \t ", ""), (" a b\t", "a b"), ("\u{A0}a\n", "\u{A0}a\n"), ("a", "a"), (" \u{301}", "\u{301}"),
        ])
    func blanks(text: String, trimmed: String) {
        #expect(text.trimmingBlanks().utf8.elementsEqual(trimmed.utf8))
        #expect(text.utf8[...].trimmingBlanks().elementsEqual(trimmed.utf8))
    }

    @Test(
        "white space is of any kind, also half of a character",
        arguments: [
            ("", ""), (" \t\r\n ", ""), ("\u{A0}a b\u{3000}\u{2028}", "a b"), ("a", "a"), ("\u{200B}a", "\u{200B}a"),
            (" \u{301}", "\u{301}"), ("\r\na\r\n", "a"),
        ])
    func whitespace(text: String, trimmed: String) {
        #expect(text.trimmingWhitespace().unicodeScalars.elementsEqual(trimmed.unicodeScalars))
    }

    @Test("percent-encoding keeps what is unreserved, or what is asked for; in forms a blank is a plus")
    func percentEncoding() {
        let text = "aZ0-_.~ b+%é\0"
        #expect(PercentCode.encode(text) == "aZ0-_.~%20b%2B%25%C3%A9%00")
        #expect(PercentCode.encode(text) { $0 < 0x80 && $0 != UInt8(ascii: "%") } == "aZ0-_.~ b+%25%C3%A9\0")
        #expect(PercentCode.form(text) == "aZ0-_.~+b%2B%25%C3%A9%00")
        #expect(PercentCode.form([("a b", "c&d=é"), ("e", "")]) == "a+b=c%26d%3D%C3%A9&e=")
    }

    @Test(
        "of codes only whole ones count: strictly they refuse the text, leniently they stay",
        arguments: [
            ("", "", ""), ("a+b", "a+b", "a+b"), ("%41%6a%6A", "Ajj", "Ajj"), ("%2541", "%41", "%41"),
            ("%", nil, "%"), ("%4", nil, "%4"), ("%zz", nil, "%zz"), ("%4g", nil, "%4g"), ("%%41", nil, "%A"),
        ])
    func percentDecoding(text: String, strict: String?, lenient: String) {
        #expect(PercentCode.decode(text.utf8) == strict.map { Array($0.utf8) })
        #expect(PercentCode.decodeLeniently(Array(text.utf8)[...]) == Array(lenient.utf8))
    }

    @Test("a plus is a blank where it is asked for, a coded one is a plus")
    func pluses() {
        let text = Array("a+b%2B".utf8)
        #expect(PercentCode.decode(text, plusIsBlank: true) == Array("a b+".utf8))
        #expect(PercentCode.decodeLeniently(text[...], plusIsBlank: true) == Array("a b+".utf8))
    }

    @Test("only capital letters of ASCII have small ones")
    func smallLetters() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(Array("aZ@[`{ÄÉ".utf8).asciiLowercased == Array("az@[`{ÄÉ".utf8))
        #expect(all.filter { $0.asciiLowercased != $0 } == Array(UInt8(ascii: "A")...UInt8(ascii: "Z")))
    }

    @Test("digits of base 16 are those of either case")
    func hexDigits() {
        let digits = Array("0123456789abcdefABCDEF".utf8)
        #expect(digits.map { HexDigit.value($0) } == Array(0...15) + Array(10...15))
        for byte in UInt8.min...UInt8.max {
            #expect(HexDigit.isDigit(byte) == digits.contains(byte))
            #expect((HexDigit.value(byte) != nil) == digits.contains(byte))
        }
    }

    @Test(
        "a UUID is 36 characters with hyphens at their places",
        arguments: [
            ("550e8400-e29b-41d4-a716-446655440000", true), ("550E8400-E29B-41D4-A716-44665544000A", true),
            ("", false), ("550e8400-e29b-41d4-a716-44665544000", false),
            ("550e8400-e29b-41d4-a716-4466554400000", false), ("550e8400e29b-41d4-a716-4466-55440000", false),
            ("550e8400-e29b-41d4-a716-44665544000g", false), ("550e8400-e29b-41d4-a716-4466554400é", false),
            ("------------------------------------", false),
        ])
    func uuids(text: String, isValid: Bool) { #expect(UUIDText.isValid(text) == isValid) }

    @Test("milliseconds of a record are rounded towards zero, those of a timer up")
    func milliseconds() {
        #expect(Duration.seconds(10).wholeMilliseconds == 10_000)
        #expect(Duration.nanoseconds(1).wholeMilliseconds == 0)
        #expect(Duration.microseconds(-1500).wholeMilliseconds == -1)
        #expect(Duration.seconds(Int64.max).wholeMilliseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeMilliseconds == .min)
        #expect(Duration.seconds(10).timerMilliseconds == 10_000)
        #expect(Duration.nanoseconds(1).timerMilliseconds == 1)
        #expect(Duration.milliseconds(-5).timerMilliseconds == 0)
        #expect(Duration.seconds(Int64.max).timerMilliseconds == UInt64.max / 2)
    }

    @Test("each element once, where it stands first")
    func unique() {
        #expect([3, 1, 3, 2, 1].unique == [3, 1, 2])
        #expect([Int]().unique.isEmpty)
    }

    @Test(
        "a beginning is one byte for byte, in a text and in a part of one",
        arguments: [
            ("/mcp/x", "/mcp", true), ("/mcp", "/mcp", true), ("/mc", "/mcp", false), ("", "", true), ("", "/", false),
            ("/mcq", "/mcp", false), ("e\u{301}a", "e", true), ("\u{E9}", "e\u{301}", false),
        ])
    func beginnings(text: String, prefix: String, begins: Bool) {
        #expect(text[...].utf8.begins(with: Array(prefix.utf8)) == begins)
        let part = ("before" + text + "after").utf8.dropFirst(6).dropLast(5)
        #expect(part.begins(with: Array(prefix.utf8)) == begins)
    }
}
