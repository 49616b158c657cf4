import Foundation
import MCPServer
import Testing

/// Seeded mutations of a small corpus. `FUZZ_INPUTS` sets how many, `FUZZ_SEED` which; a failure names its input.
@Suite("JSON fuzzing")
struct JSONFuzzTests {
    static let inputs = ProcessInfo.processInfo.environment["FUZZ_INPUTS"].flatMap(Int.init) ?? 20_000
    static let seed = ProcessInfo.processInfo.environment["FUZZ_SEED"].flatMap(UInt64.init) ?? 0x6E65_7A68_61

    static let corpus: [String] = [
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"server.exec","arguments":{"server_id":7,"cmd":"ls","args":["-l"],"timeout_seconds":30}}}"#,
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a","_meta":{"x":null}}}"#,
        #"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"ping"}"#,
        #"{"length":0,"path":"/etc/grüße","mode":"0644","items":[1,1.0,-2.5e-3,1e400,true,null],"nested":{"nested":{"nested":{}}}}"#,
        #"["\u00e9\ud83d\ude00\n\\\"","\u0000",[[[[]]]],{"":{" ":0.1}}]"#,
        #"[0,-0,1e5,1E+5,0.10,9223372036854775807,9223372036854775808,-9223372036854775808,-9223372036854775809]"#,
        "\"世界 \u{10FFFF} \u{7FF}\u{800}\"", "null", "{}", "[]", " \t\r\n7 ",
        String(repeating: "[", count: 64) + String(repeating: "]", count: 64),
    ]

    static let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\uD800", "\\uDC00", "null", "true", "0", "-", "1e", ".",
        "e999999999",
        "\"id\":", "\"a\":1,", "\u{FEFF}", "\0", "é", "😀", String(repeating: "[", count: 70),
        String(repeating: "9", count: 400),
    ].map { Array($0.utf8) }

    static let schemas = [
        ##"""
        {"type":"object","required":["server_id"],"additionalProperties":false,"properties":{
          "server_id":{"type":"integer","minimum":1},"length":{"type":["integer","null"],"multipleOf":3},
          "path":{"type":"string","maxLength":4096,"pattern":"^/[^\\0]*$"},"nested":{"$ref":"#/$defs/n"},
          "items":{"type":"array","uniqueItems":true,"contains":{"const":1},"items":{"enum":[1,2.5,true,null,"a"]}}},
          "$defs":{"n":{"type":"object","properties":{"nested":{"$ref":"#/$defs/n"}},"maxProperties":2}}}
        """##,
        ##"""
        {"anyOf":[{"type":"array","items":{"$ref":"#"},"maxItems":3},{"type":"object","propertyNames":{"pattern":"^[a-z]+$"},
          "patternProperties":{"^p":{"not":{"type":"null"}}},"additionalProperties":{"$ref":"#"}},
          {"oneOf":[{"multipleOf":0.1},{"minimum":7},{"type":"string","format":"date-time"}]}]}
        """##,
    ]

    struct Generator: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }

        mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
    }

    private static func mutate(_ bytes: inout [UInt8], _ generator: inout Generator, _ corpus: [[UInt8]]) {
        for _ in 0...generator.below(4) {
            let position = generator.below(bytes.count + 1)
            switch generator.below(7) {
            case 0 where position < bytes.count: bytes[position] = UInt8(truncatingIfNeeded: generator.next())
            case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8(generator.below(8))
            case 2 where position < bytes.count:
                bytes.removeSubrange(position..<min(bytes.count, position + 1 + generator.below(8)))
            case 3: bytes.insert(contentsOf: tokens[generator.below(tokens.count)], at: position)
            case 4: bytes.removeSubrange(position...)
            case 5:
                let other = corpus[generator.below(corpus.count)]
                let start = generator.below(other.count + 1)
                bytes.insert(contentsOf: other[start..<min(other.count, start + generator.below(40))], at: position)
            default:
                let end = min(bytes.count, position + generator.below(20))
                bytes.insert(contentsOf: Array(bytes[position..<end]), at: position)
            }
        }
    }

    @Test("no input crashes parser, envelope or validator, and what parses comes back the same")
    func mutations() throws {
        let corpus = Self.corpus.map { Array($0.utf8) }
        let schemas = try Self.schemas.map { try JSONSchema(JSONParser.parse($0)) }
        var generator = Generator(state: Self.seed)
        var accepted = 0
        for number in 0..<Self.inputs {
            var bytes = corpus[generator.below(corpus.count)]
            if number >= corpus.count { Self.mutate(&bytes, &generator, corpus) }
            guard let (value, range) = try? JSONParser.parse(bytes, capturing: ["params", "arguments"]) else {
                #expect(throws: JSONRPCEnvelopeError.self) { try JSONRPCRequest(parsing: bytes) }
                continue
            }
            accepted += 1
            try check(value, range, bytes, schemas)
        }
        #expect(accepted > Self.inputs / 50, "too few of the inputs are JSON for this to say much")
    }

    private func check(_ value: JSONValue, _ range: Range<Int>?, _ bytes: [UInt8], _ schemas: [JSONSchema]) throws {
        let written = value.serialized()
        let again = try JSONParser.parse(written)
        // Text too, since equality looks through the spelling of numbers.
        guard again == value, again.serialized() == written, value.hashValue == again.hashValue else {
            Issue.record("not the same after writing: \(bytes)")
            return
        }
        let member = value["params"]?["arguments"]
        if let range {
            #expect(try JSONParser.parse(Array(bytes[range])) == member, "\(bytes)")
        } else {
            #expect(member == nil, "\(bytes)")
        }
        if let request = try? JSONRPCRequest(parsing: bytes) {
            #expect(JSONRPCResponse.success(id: request.id, 1).json["id"]?.text == value["id"]?.text, "\(bytes)")
        }
        for schema in schemas {
            let isValid = schema.isValid(value)
            if isValid != (schema.firstViolation(in: value) == nil) || isValid != schema.validate(value).isEmpty {
                Issue.record("the validator contradicts itself: \(bytes)")
            }
        }
        // A schema made of noise compiles or is refused, and then answers or not, but never traps.
        if let schema = try? JSONSchema(value) { _ = schema.validate(value) }
    }

    @Test("mutated schemas and patterns compile or are refused, and never trap")
    func mutatedSchemas() throws {
        let corpus = Self.schemas.map { Array($0.utf8) }
        let instances = try Self.corpus.map { try JSONParser.parse($0) }
        var generator = Generator(state: Self.seed &+ 1)
        for _ in 0..<max(200, Self.inputs / 20) {
            var bytes = corpus[generator.below(corpus.count)]
            Self.mutate(&bytes, &generator, corpus)
            guard let document = try? JSONParser.parse(bytes), let schema = try? JSONSchema(document) else { continue }
            let value = instances[generator.below(instances.count)]
            #expect(schema.isValid(value) == schema.validate(value).isEmpty, "\(bytes)")
        }
        let pieces = [
            "a", "(", ")", "|", "*", "+", "?", "[", "]", "^", "$", "{2}", "{1,3}", "\\d", ".", "-", "b", "\\u00e9",
            "(?:",
        ]
        for _ in 0..<max(500, Self.inputs / 10) {
            let pattern = (0...generator.below(8)).map { _ in pieces[generator.below(pieces.count)] }.joined()
            guard let schema = try? JSONSchema(["pattern": .string(pattern)]) else { continue }
            _ = schema.isValid("abé1(")
        }
    }
}
