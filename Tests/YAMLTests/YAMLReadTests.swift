import Testing

@testable import YAML

@Suite("Reading YAML")
struct YAMLReadTests {
    private func mapping(_ text: String) throws -> YAMLNode.Mapping {
        try #require(try YAMLNode.read(text)?.mapping)
    }

    @Test("a tree keeps order, styles and tags")
    func tree() throws {
        let root = try mapping(
            """
            b: plain
            a: 'single'
            c: "double\\n\\u00e9"
            d: |
              literal
            e: >
              folded
            f: [1, {x: !mine y}]
            g:
            - !!str 2
            """)
        #expect(root.pairs.map(\.key.string) == ["b", "a", "c", "d", "e", "f", "g"])
        #expect(
            root.pairs.prefix(5).map(\.value.scalar?.style) == [
                .plain, .singleQuoted, .doubleQuoted, .literal, .folded,
            ])
        #expect(root["c"]?.string == "double\né")
        #expect(root["f"]?.sequence?.style == .flow)
        #expect(root["f"]?.sequence?.items[1].mapping?["x"]?.scalar?.tag == "!mine")
        #expect(root["g"]?.sequence?.style == .block)
        #expect(root["g"]?.sequence?.items[0].scalar?.tag == "tag:yaml.org,2002:str")
        #expect(root["h"] == nil)
    }

    @Test("nothing at all is no document", arguments: ["", "\n", "# only a comment\n", "\u{FEFF}"])
    func empty(text: String) throws {
        #expect(try YAMLNode.read(text) == nil)
    }

    @Test("a mark for the byte order is skipped; a NUL in a text stays")
    func oddBytes() throws {
        #expect(try mapping("\u{FEFF}a: 1\nb: 2")["b"]?.string == "2")
        #expect(try mapping("a: \"x\\0y\"")["a"]?.string == "x\0y")
    }

    @Test("aliases are what they name, the latest of a name")
    func aliases() throws {
        let root = try mapping("a: &x {q: [1, 2]}\nb: *x\nc: &x 3\nd: *x\n<<: {z: 1}")
        #expect(root["b"] == root["a"])
        #expect(root["d"]?.string == "3")
        #expect(root["<<"]?.mapping?["z"]?.string == "1")
    }

    @Test(
        "what is wrong is told with its line, counted from 1",
        arguments: [
            ("a: [1\nb: 2", YAMLError.syntax(line: 2)), ("\ta: 1\n", .syntax(line: 1)),
            ("a: 1\n\tb: 2", .syntax(line: 2)),
            ("a: 'x\n", .syntax(line: 2)), ("a: \"\\q\"\n", .syntax(line: 1)), ("a: b: c\n", .syntax(line: 1)),
            ("a: 1\nb:\n  c: 1\n d: 2\n", .syntax(line: 4)), ("%YAML 3.0\n---\na: 1\n", .syntax(line: 1)),
            ("a: \u{7}b\n", .syntax(line: nil)), ("a: *x\n", .undefinedAlias(line: 1)),
            ("b: 1\na: &x [*x]\n", .undefinedAlias(line: 2)), ("a: 1\n---\nb: 2\n", .secondDocument(line: 2)),
            ("a: 1\n...\nb", .syntax(line: 3)), ("a: 1\n...\n--- b\n", .secondDocument(line: 3)),
            ("a: 1\nb: 2\na: 3\n", .duplicateKey),
            ("a: {x: {y: 1, y: 2}}\n", .duplicateKey), ("[{? [1, 2] : a, ? [1, 2] : b}]", .duplicateKey),
            ("a: 1\n\"a\": 2\n", .duplicateKey),
        ])
    func errors(text: String, error: YAMLError) {
        #expect(throws: error) { try YAMLNode.read(text) }
    }

    @Test(
        "keys that mean different things, or are other bytes, are no duplicates",
        arguments: ["1: a\n\"1\": b", "yes: 1\n\"yes\": 2", "~: 1\nnull: 2", "\u{E9}: 1\ne\u{301}: 2", "A: 1\na: 2"])
    func differentKeys(text: String) throws {
        #expect(try mapping(text).pairs.count == 2)
    }

    @Test("depth, parts and text are bounded; what an alias names counts each time")
    func limits() throws {
        var limits = YAMLLimits()
        limits.depth = 5
        #expect(try YAMLNode.read("[[[[1]]]]", limits: limits) != nil)
        #expect(throws: YAMLError.tooMuch(line: 1)) { try YAMLNode.read("[[[[[1]]]]]", limits: limits) }

        limits = YAMLLimits()
        limits.nodes = 6
        #expect(try YAMLNode.read("[1, 2, 3, 4, 5]", limits: limits) != nil)
        #expect(throws: YAMLError.tooMuch(line: 1)) { try YAMLNode.read("[1, 2, 3, 4, 5, 6]", limits: limits) }
        #expect(try YAMLNode.read("[&a [1], *a, 1]", limits: limits) != nil)
        #expect(throws: YAMLError.tooMuch(line: 2)) { try YAMLNode.read("[&a [1],\n*a, *a]", limits: limits) }

        limits = YAMLLimits()
        limits.bytes = 12
        #expect(try YAMLNode.read("[aaaa, bbbb]", limits: limits) != nil)
        #expect(throws: YAMLError.tooMuch(line: nil)) { try YAMLNode.read("[aaaa, bbbbb]", limits: limits) }
        #expect(try YAMLNode.read("[&a xxx, *a]", limits: limits) != nil)
        limits.bytes = 20
        #expect(try YAMLNode.read("[&a xxxxx, *a,*a,*a]", limits: limits) != nil)
        #expect(throws: YAMLError.tooMuch(line: 1)) { try YAMLNode.read("[&a xxxxxx,*a,*a,*a]", limits: limits) }
    }

    @Test("aliases of aliases end at the limit, and soon")
    func multiplied() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...30 {
            text += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", "))]\n"
        }
        let began = ContinuousClock.now
        #expect(throws: YAMLError.self) { try YAMLNode.read(text) }
        #expect(began.duration(to: .now) < .seconds(5))
    }

    @Test(
        "what scalars mean to agents",
        arguments: [
            ("0", 0), ("-0", 0), ("12", 12), ("+12", 12), ("-12", -12), ("1_000", 1000), ("0x1F", 31), ("-0x1f", -31),
            ("0b101", 5), ("0o17", 15), ("017", 15), ("1:30", 90), ("-1:00:00", -3600), ("'12'", nil), ("\"12\"", nil),
            ("1.5", nil), ("x", nil), ("", nil), ("09", nil), ("--1", nil), ("0x-1", nil), ("1:x", nil),
            ("99999999999999999999", nil), ("9999999999999999:0:0:0:0", nil), ("0x", nil), ("[]", nil),
        ])
    func int(text: String, value: Int?) throws {
        #expect(try mapping("a: \(text)")["a"]?.int == value)
    }

    @Test(
        "flags in any letter case, quoted as well",
        arguments: [
            ("true", true), ("YES", true), ("'on'", true), ("False", false), ("no", false), ("\"OFF\"", false),
            ("1", nil),
            ("", nil), ("y", nil), ("tru\u{17F}e", nil), ("{}", nil),
        ])
    func bool(text: String, value: Bool?) throws {
        #expect(try mapping("a: \(text)")["a"]?.bool == value)
    }

    @Test(
        "nothing, quoted as well",
        arguments: [
            ("", true), ("~", true), ("null", true), ("''", true), ("nULL", false), ("0", false), ("[]", false),
        ])
    func null(text: String, isNull: Bool) throws {
        #expect(try mapping("a: \(text)")["a"]?.isNull == isNull)
    }
}
