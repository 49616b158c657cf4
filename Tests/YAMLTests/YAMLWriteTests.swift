import Testing

@testable import YAML

@Suite("Writing YAML")
struct YAMLWriteTests {
    private func rewritten(_ text: String) throws -> String {
        try #require(try YAMLNode.read(text)).written()
    }

    @Test("what was read is written as it was: order, quotes, styles, tags; comments and anchors go")
    func kept() throws {
        let text = """
            # comment
            b: plain
            a: !foo x
            c: !!str 1
            d: !mine {a: 1, b: [x, "y", 'z']}
            f: &anchor
              q: 1
            g: *anchor
            h: |
              literal
              text
            i: >
              folded text
              more
            j: 'single'
            k: "double\\n\\u00e9 \\U0001F600"
            m: {}
            n: []
            o:
            p: ~
            "r": 1
            ? [complex, key]
            : value
            u:
            - 1
            -   - 2
                - 3
            -  x: 1
               y: 2
            z: !<tag:example.com,2000:app/foo> bar

            """
        let expected = """
            b: plain
            a: !foo x
            c: !!str 1
            d: !mine {a: 1, b: [x, "y", 'z']}
            f:
              q: 1
            g:
              q: 1
            h: |
              literal
              text
            i: >
              folded text more
            j: 'single'
            k: "double\\né \\U0001F600"
            m: {}
            n: []
            o:
            p: ~
            "r": 1
            ? [complex, key]
            : value
            u:
            - 1
            - - 2
              - 3
            - x: 1
              y: 2
            z: !<tag:example.com,2000:app/foo> bar

            """
        #expect(try rewritten(text) == expected)
        #expect(try rewritten(expected) == expected)
    }

    @Test("nothing stays nothing, also where a place cannot be left empty")
    func nothing() throws {
        let text = "a:\nb: {x, y: , z: [null, '']}\n? \n: c\nd:\n-\n- [{e: }]\n"
        #expect(
            try rewritten(text)
                == "a:\nb: {x: null, y: null, z: [null, '']}\nnull: c\nd:\n-\n- [{e: null}]\n")
    }

    @Test("long lines are folded at 80 columns")
    func folded() throws {
        let words = Array(repeating: "word", count: 40).joined(separator: " ")
        for text in ["a: \(words)\n", "a: \"\(words)\"\n"] {
            let written = try rewritten(text)
            #expect(written.split(separator: "\n").allSatisfy { $0.count <= 84 })
            #expect(written.split(separator: "\n").count > 1)
            #expect(try YAMLNode.read(written)?.mapping?["a"]?.string == words)
        }
    }

    @Test("new values: plain where they are read back the same, else quoted; collections in blocks")
    func made() throws {
        var root = YAMLNode.Mapping()
        root["plain"] = YAMLNode("abc")
        root["flag"] = YAMLNode("true")
        root["quoted"] = YAMLNode("null", style: .doubleQuoted)
        root["colon"] = YAMLNode("a: b")
        root["list"] = .sequence(YAMLNode.Sequence([YAMLNode("x"), YAMLNode("- y")]))
        root["empty"] = YAMLNode("")
        root["none"] = .sequence(YAMLNode.Sequence())
        root["map"] = .mapping(YAMLNode.Mapping([.init(key: YAMLNode("k"), value: YAMLNode("v"))]))
        root["gone"] = YAMLNode("x")
        root["plain"] = YAMLNode("abd")
        root["gone"] = nil
        #expect(
            try YAMLNode.mapping(root).written() == """
                plain: abd
                flag: true
                quoted: "null"
                colon: 'a: b'
                list:
                - x
                - '- y'
                empty: ''
                none: []
                map:
                  k: v

                """)
    }

    @Test("keys are found by their bytes")
    func keys() {
        var root = YAMLNode.Mapping([.init(key: YAMLNode("\u{E9}"), value: YAMLNode("1"))])
        #expect(root["e\u{301}"] == nil)
        root["e\u{301}"] = YAMLNode("2")
        #expect(root.pairs.count == 2)
    }

    @Test(
        "any text is read back as it was, in every style",
        arguments: [
            "", " ", "\n", "a\n", "\n\na\n\n", " a", "a ", "a\n b", "- x", "# no comment", "a # comment", "null", "0",
            "é",
            "😀", "\u{FEFF}", "\u{85}\u{2028}", "\0\u{1}\u{1B}\u{7F}", "tab\there", "'", "\"", "\\", "%x", "@x", "`x",
            "a: b", "a:", ":", "[x]", "{x}", "*x", "&x", "!x", "|", ">", "---", "...", "--- a", "x\r\ny",
            String(repeating: "long ", count: 100), String(repeating: "x", count: 3000),
        ])
    func texts(text: String) throws {
        for style in [YAMLNode.Scalar.Style.any, .plain, .singleQuoted, .doubleQuoted, .literal, .folded] {
            let node = YAMLNode.mapping(
                YAMLNode.Mapping([.init(key: YAMLNode("k"), value: YAMLNode(text, style: style))]))
            let read = try YAMLNode.read(node.written())?.mapping?["k"]?.string
            // As bytes: "\r\n" and "\n" must not be mixed up.
            #expect(read.map { Array($0.utf8) } == Array(text.utf8), "\(style)")
        }
    }
}
