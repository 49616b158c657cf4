import JSON
import MCPServer
import Testing

@Suite("Schema patterns")
struct SchemaPatternTests {
    private func schema(_ pattern: String) throws(SchemaError) -> JSONSchema {
        try JSONSchema(["pattern": .string(pattern)])
    }

    @Test(
        "patterns find what ECMA-262 says they find",
        arguments: [
            ("", ["", "a"], []), ("a", ["a", "xay"], ["", "b"]), ("^a$", ["a"], ["ab", "ba", "", "a\n"]),
            ("^$", [""], ["a"]), ("$^", [""], ["a"]), ("a|b", ["a", "xb"], ["c"]),
            ("^(a|bc)$", ["a", "bc"], ["b", "abc"]),
            ("^a|b$", ["ax", "xb"], ["xa", "bx"]), ("^(?:ab)*$", ["", "abab"], ["aba"]),
            ("^a+?b??$", ["a", "aab"], ["b", "abb"]),
            ("^a{2}$", ["aa"], ["a", "aaa"]), ("^a{2,}$", ["aa", "aaaa"], ["a"]),
            ("^a{1,3}$", ["a", "aaa"], ["", "aaaa"]),
            ("^a{0}$", [""], ["a"]), ("^a{0,2}b$", ["b", "aab"], ["aaab"]), ("^(a*)*$", ["", "aaa"], ["b"]),
            ("^(a?){3}$", ["", "aaa"], ["aaaa"]),
            ("^[a-c_]+$", ["abc_"], ["d", ""]), ("^[^a-c]$", ["d", "é", "\n"], ["a", ""]), ("^[]$", [], ["", "]"]),
            ("^[^]$", ["a", "\n"], [""]), ("^[a\\-z]$", ["a", "-", "z"], ["b"]), ("^[-a]$", ["-", "a"], ["b"]),
            ("^[a-]$", ["-", "a"], ["b"]),
            ("^[\\w-]+$", ["a-b_9"], ["a b"]), ("^[\\]\\\\]$", ["]", "\\"], ["["]),
            ("^.$", ["a", "😀", "é"], ["\n", "\r", "\u{2028}", "ab"]),
            ("^\\d\\D\\w\\W\\s\\S$", ["1a_- x"], ["1a_-  "]),
            ("^\\t\\n\\r\\f\\v\\0$", ["\t\n\r\u{C}\u{B}\0"], ["tnrfv0"]),
            ("^\\x41\\u00e9\\u{1F600}\\uD83D\\uDE00$", ["Aé😀😀"], ["A"]), ("^\\cJ$", ["\n"], ["J"]),
            ("^[\\b]$", ["\u{8}"], ["b"]),
            ("^\\^\\$\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/\\\\$", ["^$.*+?()[]{}|/\\"], [""]),
            (
                "^[a-f0-9]{64}$", [String(repeating: "0a", count: 32)],
                [String(repeating: "0a", count: 31), String(repeating: "0A", count: 32)]
            ),
            (
                "^[^\\0]{1,4096}$", ["/etc", String(repeating: "é", count: 4_096)],
                ["", "a\0b", String(repeating: "x", count: 4_097)]
            ),
            ("^[\\u0400-\\u04FF]+$", ["привет"], ["privet"]), ("é", ["café"], ["cafe\u{301}"]),
            ("a$|^b", ["ca", "bc"], ["ac", "cb"]),
            ("^(?:[01]?\\d|2[0-3]):[0-5]\\d$", ["7:05", "23:59"], ["24:00", "7:5"]),
        ] as [(String, [String], [String])])
    func matches(pattern: String, found: [String], missed: [String]) throws {
        let schema = try schema(pattern)
        for text in found { #expect(schema.isValid(.string(text)), "\(text)") }
        for text in missed { #expect(!schema.isValid(.string(text)), "\(text)") }
    }

    @Test(
        "what the engine does not know is refused",
        arguments: [
            "(?=a)", "(?!a)", "(?<=a)", "(?<n>a)", "(?i)a", "\\1", "\\k<n>", "\\bword", "\\B", "\\p{L}", "\\a", "\\z",
            "\\_",
            "a**", "*a", "+", "a{2", "a{2,1}", "a{,2}", "a{x}", "{", "}", "]", ")", "(", "(a", "[a", "[z-a]", "[\\d-z]",
            "a\\", "\\x4", "\\u12", "\\u{110000}", "\\uD800", "\\u{D800}", "\\c1", "\\01", "^*", "a{10001}",
            String(repeating: "(", count: 60) + String(repeating: ")", count: 60), "(?:a{1000}){1000}",
        ])
    func refuses(pattern: String) {
        #expect(throws: SchemaError.self) { try schema(pattern) }
    }

    @Test("patterns that ruin backtracking engines take linear time, with a table or without")
    func linearTime() throws {
        let text = String(repeating: "a", count: 20_000) + "!"
        for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a)*$", "(.*)*x", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
            #expect(try !schema(pattern).isValid(.string(text)))
        }
        // Its table would have 2¹⁴ states, so it is followed state by state.
        let large = try schema("^[ab]*a[ab]{13}$")
        #expect(large.isValid(.string("bb" + "a" + String(repeating: "b", count: 13))))
        #expect(!large.isValid(.string(String(repeating: "ab", count: 200) + String(repeating: "b", count: 14))))
        #expect(!large.isValid(""))
    }
}
