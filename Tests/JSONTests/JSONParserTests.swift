import Testing

@testable import JSON

@Suite("JSON parser")
struct JSONParserTests {
    @Test(
        "valid documents are read",
        arguments: [
            ("null", JSONValue.null), ("true", true), ("false", false), (" \t\r\n1 \n", 1), ("0", 0), ("-7", -7),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("\"\"", ""), ("\"a\"", "a"), ("[]", []), ("[ ]", []), ("{}", [:]), ("{ }", [:]),
            ("[1,[2,[]],{}]", [1, [2, []], [:]]), ("{\"a\":1 , \"b\" : [ true ] }", ["a": 1, "b": [true]]),
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
            (#""\uD83D\uDE00""#, "😀"), (#""\u0000""#, "\0"),
            (#""long enough for words \n and a tail""#, "long enough for words \n and a tail"),
            ("\"grüße, 世界, 😀 and plain text again\"", "grüße, 世界, 😀 and plain text again"),
            ("\"\u{7F}\"", "\u{7F}"), ("\"\u{FEFF}\"", "\u{FEFF}"), ("\"\u{2028}\"", "\u{2028}"),
            (#"{"a":{"a":1},"b":{"a":1}}"#, ["a": ["a": 1], "b": ["a": 1]]),
        ] as [(String, JSONValue)])
    func readsValid(text: String, expected: JSONValue) throws {
        #expect(try JSONParser.parse(text) == expected)
    }

    @Test(
        "invalid documents are refused, with the byte where they go wrong",
        arguments: [
            ("", .unexpectedEnd(offset: 0)), ("  ", .unexpectedEnd(offset: 2)),
            ("nul", .unexpectedEnd(offset: 3)), ("nulL", .unexpectedByte(0x4C, offset: 3)),
            ("True", .unexpectedByte(0x54, offset: 0)), ("NaN", .unexpectedByte(0x4E, offset: 0)),
            ("Infinity", .unexpectedByte(0x49, offset: 0)), ("-Infinity", .malformedNumber(offset: 1)),
            ("+1", .unexpectedByte(0x2B, offset: 0)), (".5", .unexpectedByte(0x2E, offset: 0)),
            ("01", .malformedNumber(offset: 1)), ("-01", .malformedNumber(offset: 2)),
            ("1.", .unexpectedEnd(offset: 2)), ("1.e3", .malformedNumber(offset: 2)),
            ("1e", .unexpectedEnd(offset: 2)), ("1e+", .unexpectedEnd(offset: 3)), ("-", .unexpectedEnd(offset: 1)),
            ("1e1000000000", .exponentTooLarge(offset: 2)), ("0x10", .trailingBytes(offset: 1)),
            ("1 2", .trailingBytes(offset: 2)), ("{}x", .trailingBytes(offset: 2)), ("1//c", .trailingBytes(offset: 1)),
            ("[1,]", .unexpectedByte(0x5D, offset: 3)), ("[,1]", .unexpectedByte(0x2C, offset: 1)),
            ("[1 2]", .unexpectedByte(0x32, offset: 3)), ("[1", .unexpectedEnd(offset: 2)),
            ("[1}", .unexpectedByte(0x7D, offset: 2)), ("]", .unexpectedByte(0x5D, offset: 0)),
            ("{\"a\":1,}", .unexpectedByte(0x7D, offset: 7)), ("{a:1}", .unexpectedByte(0x61, offset: 1)),
            ("{\"a\" 1}", .unexpectedByte(0x31, offset: 5)), ("{\"a\":}", .unexpectedByte(0x7D, offset: 5)),
            ("{\"a\":1", .unexpectedEnd(offset: 6)), ("{\"a\"", .unexpectedEnd(offset: 4)),
            ("{", .unexpectedEnd(offset: 1)),
            ("{'a':1}", .unexpectedByte(0x27, offset: 1)), ("{1:1}", .unexpectedByte(0x31, offset: 1)),
            (#"{"id":1,"method":"x","id":2}"#, .duplicateKey("id", offset: 21)),
            (#"{"a":{"b":1,"\u0062":2}}"#, .duplicateKey("b", offset: 12)),
            ("\"a", .unexpectedEnd(offset: 2)), ("\"a\nb\"", .controlCharacter(offset: 2)),
            ("\"\0\"", .controlCharacter(offset: 1)), ("\"12345678\u{1F}\"", .controlCharacter(offset: 9)),
            (#""\x41""#, .invalidEscape(offset: 1)), (#""\u12G4""#, .invalidEscape(offset: 1)),
            (#""\u12""#, .invalidEscape(offset: 1)), ("\"\\", .unexpectedEnd(offset: 2)),
            ("\u{FEFF}1", .byteOrderMark),
        ] as [(String, JSONParseError)])
    func refusesInvalid(text: String, expected: JSONParseError) {
        #expect(throws: expected) { try JSONParser.parse(text) }
    }

    @Test(
        "bytes that are no UTF-8 are refused",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
            [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func refusesInvalidUTF8(sequence: [UInt8]) {
        let padding = Array("padding for words".utf8)
        #expect(throws: JSONParseError.invalidUTF8(offset: 18)) {
            try JSONParser.parse([0x22] + padding + sequence + [0x22])
        }
        #expect(throws: JSONParseError.invalidUTF8(offset: 5)) {
            try JSONParser.parse([0x22] + Array(#"\n12"#.utf8) + sequence + [0x22])
        }
    }

    @Test(
        "every boundary of UTF-8 is read",
        arguments: ["\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"])
    func readsUTF8(text: String) throws {
        #expect(try JSONParser.parse("\"\(text)\"") == .string(text))
    }

    @Test("64 levels of nesting are read, 65 refused")
    func boundsDepth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[{\"a\":", count: depth / 2) + (depth % 2 == 1 ? "[]" : "1")
                + String(repeating: "}]", count: depth / 2)
        }
        _ = try JSONParser.parse(nested(64))
        #expect(throws: JSONParseError.tooDeep(limit: 64, offset: 192)) { try JSONParser.parse(nested(65)) }
        _ = try JSONParser.parse("[[],[]]", limits: JSONLimits(depth: 2))
        #expect(throws: JSONParseError.tooDeep(limit: 2, offset: 2)) {
            try JSONParser.parse("[[[]]]", limits: JSONLimits(depth: 2))
        }
        // However deep the attack, nothing recurses past the limit.
        #expect(throws: JSONParseError.tooDeep(limit: 64, offset: 64)) {
            try JSONParser.parse([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20))
        }
    }

    @Test("long numbers and too many values are refused")
    func boundsSize() throws {
        let digits = String(repeating: "9", count: 1_000)
        #expect(try JSONParser.parse(digits).text == digits)
        #expect(throws: JSONParseError.numberTooLong(limit: 1_000, offset: 1)) { try JSONParser.parse("[\(digits)9]") }
        #expect(throws: JSONParseError.tooManyValues(limit: 3, offset: 5)) {
            try JSONParser.parse("[1,2,3]", limits: JSONLimits(values: 3))
        }
    }

    @Test("an object of 100,000 members is read in linear time")
    func readsLargeObjects() throws {
        let members = (0..<100_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        let object = try #require(try JSONParser.parse("{\(members)}").objectValue)
        #expect(object.count == 100_000)
        #expect(object["k99999"] == 99_999)
        #expect(throws: JSONParseError.duplicateKey("k5", offset: members.utf8.count + 2)) {
            try JSONParser.parse("{\(members),\"k5\":1}")
        }
    }

    @Test(
        "the bytes of one member are found",
        arguments: [
            (#"{"params":{"arguments": { "a" : 1.0 } ,"x":1}}"#, #"{ "a" : 1.0 }"#),
            (#"{"arguments":1,"params":{"x":{"arguments":2},"arguments":[3]}}"#, "[3]"),
            (#"{"params":{"arguments":null}}"#, "null"), (#"{"params":{"\u0061rguments":"é"}}"#, "\"é\""),
            (#"{"params":[{"arguments":1}]}"#, nil), (#"{"params":{}}"#, nil), ("1", nil),
        ] as [(String, String?)])
    func capturesBytes(text: String, expected: String?) throws {
        let bytes = Array(text.utf8)
        let range = try JSONParser.parseTolerant(bytes, capturing: ["params", "arguments"]).captured
        #expect(range.map { String(decoding: bytes[$0], as: UTF8.self) } == expected)
    }

    @Test("errors read well")
    func describesErrors() {
        #expect(JSONParseError.duplicateKey("id", offset: 17).description == "duplicate key \"id\" at byte 17")
        #expect(JSONParseError.tooDeep(limit: 64, offset: 80).description == "nesting deeper than 64 levels at byte 80")
        #expect(JSONParseError.unexpectedByte(0x7D, offset: 3).description == "unexpected '}' at byte 3")
        #expect(JSONParseError.unexpectedByte(0x0A, offset: 3).description == "unexpected byte 0x0A at byte 3")
        let long = JSONParseError.duplicateKey(String(repeating: "k", count: 5_000), offset: 1).description
        #expect(long.count < 100)
    }

    @Test(
        "half a pair of surrogates reads as U+FFFD, and what follows it as itself",
        arguments: [
            (#""\uD800""#, "\u{FFFD}"), (#""ab\uDC00""#, "ab\u{FFFD}"), (#""\uD800\u0041""#, "\u{FFFD}A"),
            (#""\uD800x""#, "\u{FFFD}x"), (#""\uDBFF\uDBFF""#, "\u{FFFD}\u{FFFD}"),
            (#""\uD83D\uD83D\uDE00""#, "\u{FFFD}\u{1F600}"), (#""\uD83D\n""#, "\u{FFFD}\n"),
            (#""\uDE00\uD83D""#, "\u{FFFD}\u{FFFD}"),
        ] as [(String, String)])
    func halfPairs(text: String, meaning: String) throws {
        let read = try #require(try JSONParser.parse(text).stringValue)
        #expect(Array(read.utf8) == Array(meaning.utf8))
    }

    @Test(
        "a fault in the captured value is told beside the document; the same elsewhere ends the reading",
        arguments: [
            (String(repeating: "[", count: 70) + #""]","a""# + String(repeating: "]", count: 70), "nesting deeper"),
            (String(repeating: #"{"a":"#, count: 70) + "1" + String(repeating: "}", count: 70), "nesting deeper"),
            (#"{"a":1,"a":2}"#, "duplicate key"), ("1" + String(repeating: "0", count: 1_100), "number longer"),
            ("[1e99999999999999999999,2]", "exponent too large"),
        ] as [(String, String)])
    func faultsInTheCaptured(value: String, reason: String) throws {
        let whole = Array(#"{"id":7,"in":{"x":\#(value),"y":[1]},"after":true}"#.utf8)
        let found = try JSONParser.parseTolerant(whole, capturing: ["in"])
        #expect(found.fault?.description.contains(reason) == true)
        try #require(found.value["id"] == 7)
        try #require(found.value["after"] == true)
        #expect(found.value["in"]?["y"] == [1])
        let range = try #require(found.captured)
        #expect(whole[range].last == UInt8(ascii: "}"))
        #expect(whole[range].count > value.utf8.count)
        #expect(throws: JSONParseError.self) { try JSONParser.parseTolerant(whole, capturing: ["other"]) }
        #expect(throws: JSONParseError.self) { try JSONParser.parse(whole) }
        #expect(throws: JSONParseError.self) {
            try JSONParser.parseTolerant(Array(whole.dropLast()), capturing: ["in"])
        }
    }

    @Test("a member's name has 1,024 bytes at most, and in arguments a longer one is a fault of theirs")
    func longNames() throws {
        let good = String(repeating: "\u{0301}", count: 512)
        #expect(try JSONParser.parse("{\"\(good)\":1}").objectValue?.count == 1)
        #expect(throws: JSONParseError.nameTooLong(limit: 1_024, offset: 5)) {
            try JSONParser.parse("{\"\":{\"\(good)x\":1}}")
        }
        let whole = Array("{\"id\":7,\"in\":{\"\(good)x\":1,\"b\":2}}".utf8)
        let found = try JSONParser.parseTolerant(whole, capturing: ["in"])
        #expect(found.value["id"] == 7)
        #expect(found.value["in"] == ["b": 2])
        #expect(found.fault == .nameTooLong(limit: 1_024, offset: 14))
    }
}
