import JSON
import MCPServer
import Testing

@Suite("Schema keywords")
struct SchemaKeywordTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let schema: String
        let valid: [String]
        let invalid: [String]
        /// Of the first invalid instance.
        let violation: String

        init(_ schema: String, valid: [String], invalid: [String], _ violation: String) {
            self.schema = schema
            self.valid = valid
            self.invalid = invalid
            self.violation = violation
        }

        var testDescription: String { schema }
    }

    static let general = [
        Case(
            #"{"type":"integer"}"#, valid: ["3", "3.0", "1e400", "-0"],
            invalid: ["3.5", "\"3\"", "true", "null", "[]"],
            "(root): must be integer"),
        Case(
            #"{"type":["string","null"]}"#, valid: ["\"a\"", "null"], invalid: ["1", "{}"],
            "(root): must be string or null"),
        Case(#"{"type":"number"}"#, valid: ["1", "1.5"], invalid: ["\"1\"", "false"], "(root): must be number"),
        Case(#"{"type":"boolean"}"#, valid: ["true"], invalid: ["0", "null"], "(root): must be boolean"),
        Case(#"{"type":"object"}"#, valid: ["{}"], invalid: ["[]"], "(root): must be object"),
        Case(#"{"type":"array"}"#, valid: ["[]"], invalid: ["{}"], "(root): must be array"),
        Case(
            #"{"enum":["a","b",1,null]}"#, valid: ["\"a\"", "1.0", "null"], invalid: ["\"secret\"", "2", "[]"],
            #"(root): must be one of "a", "b", 1, null"#),
        Case(
            #"{"enum":[0,1,2,3,4,5,6,7,8,9,"é"]}"#, valid: ["9.0", "\"é\""], invalid: ["10", "\"e\u{301}\""],
            #"(root): must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, "é""#),
        Case(
            #"{"const":{"a":[1]}}"#, valid: [#"{"a":[1.0]}"#], invalid: [#"{"a":[2]}"#, "{}"],
            #"(root): must be {"a":[1]}"#),
        Case("true", valid: ["1", "null"], invalid: [], ""),
        Case("false", valid: [], invalid: ["1"], "(root): is not allowed"),
        Case("{}", valid: ["1", "null", "[]"], invalid: [], ""),
    ]

    static let numbers = [
        Case(
            #"{"minimum":1}"#, valid: ["1", "1.0", "2", "\"\""], invalid: ["0", "0.999999999999999999999", "-1e400"],
            "(root): must be >= 1"),
        Case(
            #"{"maximum":1.5}"#, valid: ["1.5", "-1e400"], invalid: ["1.50000000000000000000001", "2"],
            "(root): must be <= 1.5"),
        Case(#"{"exclusiveMinimum":0}"#, valid: ["1e-400"], invalid: ["0", "-0.0", "-1"], "(root): must be > 0"),
        Case(#"{"exclusiveMaximum":10}"#, valid: ["9.99"], invalid: ["10", "1e1"], "(root): must be < 10"),
        Case(
            #"{"multipleOf":5}"#, valid: ["0", "-15", "1e300", "5.0"], invalid: ["3", "5.5"],
            "(root): must be a multiple of 5"),
        Case(
            #"{"multipleOf":0.01}"#, valid: ["4.35", "0.07", "1e400", "0"], invalid: ["0.075", "1e-3"],
            "(root): must be a multiple of 0.01"),
        Case(
            #"{"multipleOf":0.3}"#, valid: ["0.9", "300000000000000000000000000.3"], invalid: ["1", "0.1"],
            "(root): must be a multiple of 0.3"),
        Case(
            #"{"maximum":18446744073709551615,"minimum":0}"#, valid: ["18446744073709551615"],
            invalid: ["18446744073709551616"], "(root): must be <= 18446744073709551615"),
    ]

    static let strings = [
        Case(
            #"{"minLength":2}"#, valid: ["\"ab\"", "\"😀😀\"", "1"], invalid: ["\"\"", "\"😀\"", "\"a\""],
            "(root): must be at least 2 characters long"),
        Case(
            #"{"maxLength":1}"#, valid: ["\"\"", "\"😀\"", "[1,2]"], invalid: ["\"ab\"", "\"e\u{301}\""],
            "(root): must be at most 1 character long"),
        Case(#"{"maxLength":9223372036854775807}"#, valid: ["\"a\""], invalid: [], ""),
        Case(
            #"{"pattern":"^[0-7]{3,4}$"}"#, valid: ["\"644\"", "\"0755\"", "7"],
            invalid: ["\"64\"", "\"07555\"", "\"648\""], "(root): must match ^[0-7]{3,4}$"),
        Case(
            #"{"format":"date-time"}"#, valid: ["\"2024-02-29T23:59:59.5+01:00\"", "3"],
            invalid: ["\"2023-02-29T00:00:00Z\"", "\"\""], "(root): must be a valid date-time"),
        Case(
            #"{"format":"uuid"}"#, valid: ["\"123e4567-e89b-12d3-A456-426614174000\""],
            invalid: ["\"123e4567e89b12d3a456426614174000\"", "\"123e4567-e89b-12d3-a456-42661417400\""],
            "(root): must be a valid uuid"),
        Case(
            #"{"format":"ipv4"}"#, valid: ["\"192.168.0.1\""],
            invalid: ["\"192.168.0.256\"", "\"1.2.3\"", "\"01.2.3.4\"", "\"1.2.3.4 \""], "(root): must be a valid ipv4"),
        Case(
            #"{"format":"ipv6"}"#, valid: ["\"::1\"", "\"::ffff:1.2.3.4\"", "\"1:2:3:4:5:6:7::\"", "\"::\""],
            invalid: [
                "\"1:2\"", "\":::\"", "\"1::2::3\"", "\"::1:\"", "\"fe80::1%eth0\"", "\"1:2:3:4:5:6:7:8:9\"",
                "\"12345::\"",
            ], "(root): must be a valid ipv6"),
        Case(
            #"{"format":"uri"}"#, valid: ["\"https://[::1]:80/a?b#c\"", "\"urn:x:y\"", "\"a:\""],
            invalid: ["\"/abc\"", "\"http://a b\"", "\"http://a/%zz\"", "\"http://[::1\"", "\"http://a:x/\"", "\"\""],
            "(root): must be a valid uri"),
        Case(#"{"format":"hostname"}"#, valid: ["\"???\""], invalid: [], ""),
    ]

    static let arrays = [
        Case(#"{"minItems":1}"#, valid: ["[1]", "{}"], invalid: ["[]"], "(root): must have at least 1 item"),
        Case(#"{"maxItems":2}"#, valid: ["[1,2]"], invalid: ["[1,2,3]"], "(root): must have at most 2 items"),
        Case(
            #"{"uniqueItems":true}"#,
            valid: ["[]", "[1,\"1\",true,[1],{\"a\":1}]", "[1,2,3,4,5,6,7,8,9,10]", "[0,false,null,\"\"]"],
            invalid: ["[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[1,2,3,4,5,6,7,8,9,1e0]"],
            "(root): must not have the same item twice"),
        Case(#"{"uniqueItems":false}"#, valid: ["[1,1]"], invalid: [], ""),
        Case(#"{"items":{"type":"string"}}"#, valid: ["[]", "[\"a\"]"], invalid: ["[\"a\",1]"], "/1: must be string"),
        Case(
            #"{"prefixItems":[{"type":"integer"},true],"items":false}"#, valid: ["[]", "[1]", "[1,\"x\"]"],
            invalid: ["[1,2,3]", "[\"a\"]"], "/2: is not allowed"),
        Case(
            #"{"contains":{"const":1}}"#, valid: ["[0,1]"], invalid: ["[]", "[0]"],
            "(root): must have at least 1 item of the demanded form"),
        Case(
            #"{"contains":{"const":1},"minContains":2,"maxContains":3}"#, valid: ["[1,1]", "[1,1,0,1]"],
            invalid: ["[1]", "[1,1,1,1]"], "(root): must have at least 2 items of the demanded form"),
        Case(#"{"contains":{"const":1},"minContains":0}"#, valid: ["[]", "[2]"], invalid: [], ""),
    ]

    static let objects = [
        Case(
            #"{"required":["server_id"]}"#, valid: [#"{"server_id":null}"#, "[]"], invalid: ["{}", #"{"server":1}"#],
            "/server_id: required"),
        Case(
            #"{"properties":{"length":{"minimum":1}}}"#, valid: ["{}", #"{"length":1,"x":0}"#],
            invalid: [#"{"length":0}"#],
            "/length: must be >= 1"),
        Case(
            #"{"properties":{"a":true},"patternProperties":{"^x-":{"type":"integer"}},"additionalProperties":false}"#,
            valid: [#"{"a":1,"x-b":2}"#], invalid: [#"{"foo":1}"#, #"{"x-b":"c"}"#, #"{"A":1}"#],
            "/foo: is not a known property"),
        Case(
            #"{"additionalProperties":{"type":"string"},"properties":{"a/b~c":{"type":"null"}}}"#,
            valid: [#"{"x":"y","a/b~c":null}"#], invalid: [#"{"a/b~c":1}"#, #"{"x":1}"#], "/a~1b~0c: must be null"),
        Case(
            #"{"propertyNames":{"maxLength":2}}"#, valid: [#"{"ab":1}"#], invalid: [#"{"abc":1}"#],
            "/abc: has a name that is not allowed"),
        Case(
            #"{"minProperties":1}"#, valid: [#"{"a":1}"#, "[]"], invalid: ["{}"], "(root): must have at least 1 member"),
        Case(
            #"{"maxProperties":1}"#, valid: ["{}"], invalid: [#"{"a":1,"b":2}"#], "(root): must have at most 1 member"),
        Case(
            #"{"dependentRequired":{"a":["b"]}}"#, valid: ["{}", #"{"b":1}"#, #"{"a":1,"b":1}"#],
            invalid: [#"{"a":1}"#],
            #"/b: required with "a""#),
        Case(
            #"{"dependentSchemas":{"a":{"required":["c"]}}}"#, valid: ["{}", #"{"a":1,"c":1}"#], invalid: [#"{"a":1}"#],
            "/c: required"),
        Case(
            #"{"properties":{"a":{"items":{"properties":{"b":{"type":"null"}}}}}}"#, valid: [#"{"a":[{"b":null}]}"#],
            invalid: [#"{"a":[{},{"b":1}]}"#], "/a/1/b: must be null"),
        Case(
            #"{"properties":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":{"type":"null"}},"additionalProperties":false}"#
                .replacing(digit: ":true"), valid: [#"{"a":1,"i":null}"#], invalid: [#"{"i":1}"#, #"{"j":1}"#],
            "/i: must be null"),
    ]

    static let logic = [
        Case(#"{"allOf":[{"minimum":1},{"maximum":3}]}"#, valid: ["2"], invalid: ["4", "0"], "(root): must be <= 3"),
        Case(
            #"{"anyOf":[{"minimum":3},{"type":"null"}]}"#, valid: ["3", "null", "\"\""], invalid: ["1"],
            "(root): must be >= 3"),
        Case(
            #"{"anyOf":[{"const":1},{"const":2}]}"#, valid: ["1", "2"], invalid: ["3"],
            "(root): must match one of the allowed forms"),
        Case(
            #"{"oneOf":[{"minimum":1},{"maximum":3}]}"#, valid: ["0", "4"], invalid: ["2"],
            "(root): matches more than one of the allowed forms"),
        Case(
            ##"{"oneOf":[{"type":"null"},{"$ref":"#/$defs/n"}],"$defs":{"n":{"type":"object","required":["a"]}}}"##,
            valid: ["null", #"{"a":1}"#], invalid: ["{}", "1"], "/a: required"),
        Case(#"{"not":{"type":"string"}}"#, valid: ["1"], invalid: ["\"a\""], "(root): has a form that is not allowed"),
        Case(
            #"{"if":{"type":"integer"},"then":{"minimum":10},"else":{"type":"string"}}"#, valid: ["10", "\"a\""],
            invalid: ["9", "null"], "(root): must be >= 10"),
        Case(#"{"if":{"const":1}}"#, valid: ["1", "2"], invalid: [], ""),
        Case(#"{"then":false,"else":false}"#, valid: ["1"], invalid: [], ""),
        Case(
            ##"{"type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"integer"}},"additionalProperties":false}"##,
            valid: [#"{"next":{"next":{"v":1}}}"#], invalid: [#"{"next":{"next":{"v":"x"}}}"#, #"{"next":1}"#],
            "/next/next/v: must be integer"),
        Case(
            ##"{"$ref":"#/$defs/a~1b%25c","$defs":{"a/b%c":{"type":"null"}}}"##, valid: ["null"], invalid: ["1"],
            "(root): must be null"),
        Case(
            ##"{"properties":{"a":{"type":"null"},"b":{"$ref":"#/properties/a"}}}"##, valid: [#"{"b":null}"#],
            invalid: [#"{"b":1}"#], "/b: must be null"),
    ]

    @Test(
        "each keyword accepts, refuses and says why",
        arguments: general + numbers + strings + arrays + objects + logic)
    func keyword(_ example: Case) throws {
        let schema = try JSONSchema(JSONParser.parse(example.schema))
        #expect(schema.document.text == (try JSONParser.parse(example.schema)).text)
        for text in example.valid {
            let value = try JSONParser.parse(text)
            #expect(schema.isValid(value), "\(text)")
            #expect(schema.firstViolation(in: value) == nil, "\(text)")
            #expect(schema.validate(value).isEmpty, "\(text)")
        }
        for (position, text) in example.invalid.enumerated() {
            let value = try JSONParser.parse(text)
            #expect(!schema.isValid(value), "\(text)")
            let violation = try #require(schema.firstViolation(in: value), "\(text)")
            #expect(!violation.description.contains("secret"))
            #expect(schema.validate(value).first == violation)
            if position == 0 { #expect(violation.description == example.violation) }
        }
    }

    @Test("every broken rule is listed, up to a bound")
    func listsAll() throws {
        let schema = try JSONSchema(
            JSONParser.parse(
                #"{"required":["a"],"additionalProperties":false,"properties":{"b":{"minimum":1,"multipleOf":2}}}"#))
        let violations = schema.validate(["b": -1, "c": 0])
        #expect(
            violations.map(\.description) == [
                "/a: required", "/b: must be >= 1", "/b: must be a multiple of 2", "/c: is not a known property",
            ])
        #expect(violations.map(\.keyword) == ["required", "minimum", "multipleOf", "additionalProperties"])
        #expect(violations.map(\.pointer) == ["/a", "/b", "/b", "/c"])

        let strings = try JSONSchema(["items": ["type": "string"]])
        #expect(strings.validate(.array(Array(repeating: 1, count: 100_000))).count == 64)
    }

    @Test("a long name of the caller's choosing is cut in the text")
    func cutsNames() throws {
        let schema = try JSONSchema(["additionalProperties": false])
        let violation = try #require(schema.firstViolation(in: .object([String(repeating: "x", count: 10_000): 1])))
        #expect(violation.description.count < 300)
        #expect(violation.pointer.count == 10_001)
    }

    @Test("annotations are ignored")
    func annotations() throws {
        let text = #"""
            {"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.org/x","$comment":"c",
             "title":"t","description":"d","default":1,"examples":[2],"deprecated":true,"readOnly":false,
             "writeOnly":true,"x-order":3,"format":"password"}
            """#
        #expect(try JSONSchema(JSONParser.parse(text)).isValid("anything"))
    }

    @Test(
        "a keyword that is not supported is refused when the schema is compiled",
        arguments: [
            (#"{"unevaluatedProperties":false}"#, "(root): unsupported keyword \"unevaluatedProperties\""),
            (
                #"{"properties":{"a":{"unevaluatedItems":false}}}"#,
                "/properties/a: unsupported keyword \"unevaluatedItems\""
            ),
            (#"{"$defs":{"a":{"$anchor":"x"}}}"#, "/$defs/a: unsupported keyword \"$anchor\""),
            (#"{"items":{"nullable":true}}"#, "/items: unsupported keyword \"nullable\""),
            (#"{"items":{"$id":"x"}}"#, "/items: unsupported keyword \"$id\""),
            (##"{"$dynamicRef":"#x"}"##, "(root): unsupported keyword \"$dynamicRef\""),
            (#"{"contentEncoding":"base64"}"#, "(root): unsupported keyword \"contentEncoding\""),
            (#"{"minimun":1}"#, "(root): unsupported keyword \"minimun\""),
            (#"{"allOf":[true,{"definitions":{}}]}"#, "/allOf/1: unsupported keyword \"definitions\""),
        ])
    func refusesUnsupported(text: String, message: String) throws {
        let error = try #require(throws: SchemaError.self) { try JSONSchema(JSONParser.parse(text)) }
        guard case .unsupportedKeyword = error else {
            Issue.record("\(error)")
            return
        }
        #expect(error.description == message)
    }

    @Test(
        "a schema that makes no sense is refused",
        arguments: [
            ("3", "(root): expected a schema, found number"),
            (#"{"properties":{"a":null}}"#, "/properties/a: expected a schema, found null"),
            (#"{"type":"int"}"#, "(root): \"type\" must be the name of a type or a list of them, each once"),
            (#"{"type":[]}"#, "(root): \"type\" must be the name of a type or a list of them, each once"),
            (
                #"{"type":["string","string"]}"#,
                "(root): \"type\" must be the name of a type or a list of them, each once"
            ),
            (#"{"minLength":-1}"#, "(root): \"minLength\" must be a whole number, not negative"),
            (#"{"minimum":"1"}"#, "(root): \"minimum\" must be a number"),
            (
                #"{"multipleOf":0}"#,
                "(root): \"multipleOf\" must be a number above zero of at most 19 significant digits"
            ),
            (#"{"required":["a","a"]}"#, "(root): \"required\" must be a list of property names, each once"),
            (#"{"required":[1]}"#, "(root): \"required\" must be a list of property names"),
            (#"{"anyOf":[]}"#, "(root): \"anyOf\" must be a list of schemas, not empty"),
            (#"{"enum":1}"#, "(root): \"enum\" must be an array"),
            (#"{"uniqueItems":1}"#, "(root): \"uniqueItems\" must be a boolean"),
            (#"{"properties":[]}"#, "(root): \"properties\" must be an object"),
            (#"{"pattern":1}"#, "(root): \"pattern\" must be a string"),
            (#"{"pattern":"a("}"#, "(root): \"pattern\" has pattern \"a(\": missing \")\" at character 2"),
            (
                #"{"patternProperties":{"(?=a)":true}}"#,
                "(root): \"patternProperties\" has pattern \"(?=a)\": unsupported group; only (…) and (?:…) are known at character 2"
            ),
            ("{\"$ref\":\"#/$defs/x\"}", "(root): nothing at reference \"#/$defs/x\""),
            (##"{"$ref":"#x"}"##, "(root): unsupported reference \"#x\""),
            (#"{"$ref":"other.json"}"#, "(root): unsupported reference \"other.json\""),
            (##"{"$ref":"#"}"##, "(root): refers to itself without end"),
            (
                ##"{"$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}"##,
                "/$defs/a: refers to itself without end"
            ),
            (
                #"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
                "unsupported dialect \"http://json-schema.org/draft-07/schema#\""
            ),
        ])
    func refusesNonsense(text: String, message: String) throws {
        let error = try #require(throws: SchemaError.self) { try JSONSchema(JSONParser.parse(text)) }
        #expect(error.description == message)
    }
}

extension String {
    /// `":3"` becomes `":true"`, which keeps a long list of properties readable.
    fileprivate func replacing(digit replacement: String) -> String {
        var result = ""
        var characters = makeIterator()
        while let character = characters.next() {
            if character == ":", let next = characters.next() {
                result += next.isNumber ? replacement : ":\(next)"
            } else {
                result.append(character)
            }
        }
        return result
    }
}
