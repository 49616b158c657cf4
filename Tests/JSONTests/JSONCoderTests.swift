import Foundation
import JSON
import Testing

@Suite("JSON coders")
struct JSONCoderTests {
    struct Everything: Codable, Equatable {
        enum Kind: String, Codable { case one, two }
        struct Inner: Codable, Equatable {
            var names: [String]
            var table: [String: Int]
            var next: [Inner]?
        }
        var flag = true
        var text = "grüße"
        var double = 0.1
        var float: Float = 0.1
        var int = -1
        var int8 = Int8.min
        var int16 = Int16.max
        var int32 = Int32.min
        var int64 = Int64.max
        var uint: UInt = 1
        var uint8 = UInt8.max
        var uint16 = UInt16.max
        var uint32 = UInt32.max
        var uint64 = UInt64.max
        var kind = Kind.two
        var optional: String?
        var present: Int? = 5
        var mixed: [Double?] = [1.5, nil, 2]
        var inner = Inner(names: ["a"], table: ["x": 1], next: [.init(names: [], table: [:], next: nil)])
        var raw: JSONValue = ["id": .number(JSONNumber(text: "123456789012345678901234567890")!), "b": nil]
        var object: JSONObject = ["z": 1, "a": [true]]
    }

    @Test("a type with everything comes back as it went")
    func roundTrip() throws {
        let value = Everything()
        let tree = try JSONValueEncoder().encode(value)
        #expect(tree["optional"] == nil)
        #expect(tree["raw"]?.text == #"{"id":123456789012345678901234567890,"b":null}"#)
        #expect(tree["object"]?.text == #"{"z":1,"a":[true]}"#)
        #expect(tree["float"]?.text == "0.1")
        #expect(tree["mixed"]?.text == "[1.5,null,2]")
        #expect(tree["uint64"]?.text == "18446744073709551615")
        #expect(tree.objectValue?.keys.first == "flag")
        #expect(try JSONValueDecoder().decode(Everything.self, from: tree) == value)
        #expect(try JSONValueDecoder().decode(Everything.self, from: JSONParser.parse(tree.serialized())) == value)
    }

    @Test("other coders agree, and our tree passes through them")
    func foundation() throws {
        let data = try JSONEncoder().encode(Everything())
        let tree = try JSONParser.parse([UInt8](data))
        var decoded = try JSONValueDecoder().decode(Everything.self, from: tree)
        // Foundation has no number of thirty digits.
        decoded.raw = Everything().raw
        #expect(decoded == Everything())

        let mixed: JSONValue = ["a": [1, 2.5, "x", nil, true], "b": ["c": 18_446_744_073]]
        #expect(try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(mixed)) == mixed)
    }

    struct Maybe: Codable, Equatable { var a: Int?; var b: String? }

    @Test("null and absent are both nil")
    func optionals() throws {
        let decoder = JSONValueDecoder()
        #expect(try decoder.decode(Maybe.self, from: ["a": nil]) == Maybe())
        #expect(try decoder.decode(Maybe.self, from: [:]) == Maybe())
        #expect(try decoder.decode(Int?.self, from: .null) == nil)
        #expect(try JSONValueEncoder().encode(Maybe(b: "x")) == ["b": "x"])
        #expect(try JSONValueEncoder().encode(Int?.none) == .null)
        struct Nothing: Codable {}
        #expect(try JSONValueEncoder().encode(Nothing()) == [:])
        #expect(try JSONValueEncoder().encode([Int]()) == [])
        #expect(try JSONValueEncoder().encode(["a": [1]]) == ["a": [1]])
    }

    @Test("whole numbers decode exactly or not at all")
    func integers() throws {
        let decoder = JSONValueDecoder()
        func number(_ text: String) throws -> JSONValue { try JSONParser.parse(text) }
        #expect(try decoder.decode(Int.self, from: number("3.0")) == 3)
        #expect(try decoder.decode(UInt64.self, from: number("18446744073709551615")) == .max)
        #expect(try decoder.decode(UInt8.self, from: number("2.55e2")) == 255)
        for text in ["256", "-1", "1.5", "1e400", "\"1\"", "true", "null", "[]"] {
            #expect(throws: DecodingError.self) { try decoder.decode(UInt8.self, from: number(text)) }
        }
        #expect(throws: DecodingError.self) { try decoder.decode(Int64.self, from: number("9223372036854775808")) }
        #expect(throws: DecodingError.self) { try decoder.decode(Double.self, from: number("1e400")) }
        #expect(throws: DecodingError.self) { try decoder.decode(Float.self, from: number("1e39")) }
        #expect(throws: DecodingError.self) { try decoder.decode(Bool.self, from: 1) }
        #expect(throws: DecodingError.self) { try decoder.decode(String.self, from: 1) }
        #expect(throws: EncodingError.self) { try JSONValueEncoder().encode(["a": Double.nan]) }
    }

    struct Outer: Decodable { struct Item: Decodable { var size: Int }; var items: [Item] }

    @Test("errors name the path and never the value")
    func errorPaths() throws {
        func path(_ value: JSONValue) -> (path: [String], text: String)? {
            do {
                _ = try JSONValueDecoder().decode(Outer.self, from: value)
                return nil
            } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
                DecodingError.dataCorrupted(let context), DecodingError.keyNotFound(_, let context)
            {
                return (context.codingPath.map(\.stringValue), context.debugDescription)
            } catch {
                return nil
            }
        }
        let wrong = path(["items": [["size": 1], ["size": "hunter2"]]])
        #expect(wrong?.path == ["items", "1", "size"])
        #expect(wrong?.text == "expected integer, found string")
        #expect(path(["items": [[:]]])?.path == ["items", "0"])
        #expect(path(["items": [["size": nil]]])?.path == ["items", "0", "size"])
        #expect(path(["items": 3])?.path == ["items"])
        #expect(path([])?.text == "expected object, found array")
    }

    /// Containers inside containers, and `super`.
    struct Nested: Codable, Equatable {
        var x: Int
        var y: [Int]
        var base: String
        enum Keys: CodingKey { case outer, list, x }

        init(x: Int, y: [Int], base: String) {
            self.x = x
            self.y = y
            self.base = base
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            x = try container.nestedContainer(keyedBy: Keys.self, forKey: .outer).decode(Int.self, forKey: .x)
            var list = try container.nestedUnkeyedContainer(forKey: .list)
            var inner = try list.nestedUnkeyedContainer()
            y = []
            while !inner.isAtEnd { y.append(try inner.decode(Int.self)) }
            _ = try list.nestedContainer(keyedBy: Keys.self)
            #expect(try list.decodeNil())
            #expect(list.isAtEnd)
            #expect(list.currentIndex == 3)
            base = try container.superDecoder().singleValueContainer().decode(String.self)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var outer = container.nestedContainer(keyedBy: Keys.self, forKey: .outer)
            var list = container.nestedUnkeyedContainer(forKey: .list)
            var inner = list.nestedUnkeyedContainer()
            _ = list.nestedContainer(keyedBy: Keys.self)
            try list.encodeNil()
            for element in y { try inner.encode(element) }
            var single = container.superEncoder().singleValueContainer()
            try single.encode(base)
            try outer.encode(x, forKey: .x)
        }
    }

    @Test("nested containers and super are filled in where they stand")
    func nested() throws {
        let value = Nested(x: 1, y: [2, 3], base: "b")
        let tree = try JSONValueEncoder().encode(value)
        #expect(tree.text == #"{"outer":{"x":1},"list":[[2,3],{},null],"super":"b"}"#)
        #expect(try JSONValueDecoder().decode(Nested.self, from: tree) == value)
    }
}
