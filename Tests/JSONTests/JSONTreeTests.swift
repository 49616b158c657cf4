import JSON
import Testing

@Suite("JSON tree and writer")
struct JSONTreeTests {
    @Test("an object keeps its order and finds its members, small or large", arguments: [3, 16, 17, 200])
    func keepsOrder(count: Int) {
        var object = JSONObject()
        for index in 0..<count { object["k\(index)"] = .integer(Int64(index)) }
        object["k1"] = "changed"
        #expect(object.count == count)
        #expect(!object.isEmpty)
        #expect(object.keys == (0..<count).map { "k\($0)" })
        #expect(object["k1"] == "changed")
        #expect(object["none"] == nil)
        object["k0"] = nil
        #expect(object.keys == (1..<count).map { "k\($0)" })
        #expect(!object.contains("k0"))
        #expect(object["k2"] == 2)
        object["k0"] = true
        #expect(object.keys.last == "k0")
        #expect(object.map(\.key) == object.keys)
    }

    @Test("members known to be new are added without a search, and found like others", arguments: [3, 16, 17, 200])
    func appendNew(count: Int) {
        var object = JSONObject()
        for index in 0..<count { object.appendNew("k\(index)", .integer(Int64(index))) }
        #expect(object.keys == (0..<count).map { "k\($0)" })
        #expect(object["k\(count - 1)"] == .integer(Int64(count - 1)))
        #expect(object["none"] == nil)
    }

    @Test("texts are equal by their bytes, wherever these lie", arguments: [1, 8, 15, 16, 40])
    func exactTexts(count: Int) {
        let text = String(repeating: "a", count: count)
        var other = text
        other.reserveCapacity(100)
        #expect(ExactText.areEqual(text, other))
        #expect(ExactText.areEqual(text, String(("b" + text).dropFirst())))
        #expect(!ExactText.areEqual(text, text.dropLast() + "b"))
        #expect(!ExactText.areEqual(text, text + "a"))
    }

    @Test("equality ignores the order of members and the spelling of numbers, and tells code points apart")
    func equality() {
        let left: JSONValue = ["a": 1, "b": [.number(JSONNumber(text: "2.0")!)], "c": nil]
        let right: JSONValue = ["c": nil, "b": [2], "a": .number(JSONNumber(text: "1e0")!)]
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
        #expect(JSONValue.object(["\u{E9}": 1]) != .object(["e\u{301}": 1]))
        #expect(left != ["a": 1, "b": [2]])
        #expect(JSONValue.bool(true) != 1)
        #expect(JSONValue.integer(0) != false)
        #expect(JSONValue.null != "null")
    }

    @Test("both spellings of a letter are keys of their own")
    func exactKeys() throws {
        let object = try #require(try JSONParser.parse("{\"\u{E9}\":1,\"e\u{301}\":2}").objectValue)
        #expect(object["\u{E9}"] == 1)
        #expect(object["e\u{301}"] == 2)
    }

    @Test(
        "compact text with no more escapes than needed",
        arguments: [
            (nil, "null"), (true, "true"), (-5, "-5"), (.integer(.min), "-9223372036854775808"), (0, "0"),
            (["b": [1, [:], []], "a": ["x": false]], #"{"b":[1,{},[]],"a":{"x":false}}"#),
            ("\"\\/\u{8}\u{C}\n\r\t\u{1}\u{1F}\u{7F}", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u{7F}\""),
            ("<grüße> & 😀\u{2028}", "\"<grüße> & 😀\u{2028}\""), (["k\"": 1], #"{"k\"":1}"#),
        ] as [(JSONValue, String)])
    func writes(value: JSONValue, expected: String) throws {
        #expect(value.text == expected)
        #expect(try JSONParser.parse(expected) == value)
        #expect(value.serialized() == Array(expected.utf8))
    }

    @Test("escapes are found wherever they stand, and texts of any length keep every byte")
    func escapes() throws {
        for length in [0, 1, 7, 8, 9, 15, 16, 17, 600] {
            for special in ["\"", "\\", "\u{0}", "\u{1F}", "\n", "é", "\u{80}", "😀"] {
                for position in Set([0, length / 2, length]) {
                    let plain = String(repeating: "a", count: position) + special
                    let text = plain + String(repeating: "b", count: length - position) + special
                    #expect(try JSONParser.parse(JSONValue.string(text).text) == .string(text))
                }
            }
        }
        let worst = String(repeating: "\u{1}", count: 10_000)
        #expect(JSONValue.string(worst).serialized().count == 60_002)
    }

    @Test("accessors answer for their own type only")
    func accessors() {
        let value: JSONValue = ["s": "t", "b": true, "n": 3, "a": [1], "o": [:], "z": nil]
        #expect(value["s"]?.stringValue == "t")
        #expect(value["b"]?.boolValue == true)
        #expect(value["n"]?.int64Value == 3)
        #expect(value["a"]?.arrayValue == [1])
        #expect(value["o"]?.objectValue == [:])
        #expect(value["z"] == .null)
        #expect(value["s"]?.int64Value == nil)
        #expect(value["n"]?.stringValue == nil)
        #expect(value["none"] == nil)
        #expect(value["a"]?["x"] == nil)
        #expect(value["z"]?.typeName == "null")
        #expect(value.typeName == "object")
    }
}
