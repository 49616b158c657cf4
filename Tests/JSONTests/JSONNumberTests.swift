import JSON
import Testing

@Suite("JSON numbers")
struct JSONNumberTests {
    private func number(_ text: String) throws -> JSONNumber {
        try #require(JSONNumber(text: text), "\(text) is no number")
    }

    @Test(
        "what was written is what is echoed",
        arguments: [
            "0", "-0", "1.0", "1.50", "1e3", "1E+03", "-1.5e-7", "123456789012345678901234567890",
            "18446744073709551616", "9223372036854775808", "-9223372036854775809", "1e400", "0.1", "-0.0",
            "3.141592653589793238462643383279",
        ])
    func echoes(text: String) throws {
        #expect(try JSONParser.parse(text).text == text)
        #expect(try number(text).text == text)
    }

    @Test(
        "texts that are no numbers are refused",
        arguments: ["", "-", "01", "1.", "1e", "NaN", " 1", "1 ", "+1", "1e9999999999"])
    func refuses(text: String) {
        #expect(JSONNumber(text: text) == nil)
        #expect(JSONNumberLiteral(text) == nil)
    }

    @Test(
        "whole numbers are seen through their spelling",
        arguments: [
            ("3", 3), ("3.0", 3), ("3e0", 3), ("1e3", 1_000), ("-2.50e1", -25), ("-0", 0), ("0.0e9", 0), ("3.5", nil),
            ("1e-1", nil), ("10e-1", 1), ("9223372036854775807", .max), ("9223372036854775808", nil),
            ("-9223372036854775808.0", .min), ("-9223372036854775809", nil), ("922337203685477580.7e1", .max),
            ("1e18", 1_000_000_000_000_000_000), ("1e19", nil), ("1e400", nil), ("0e400", 0),
        ] as [(String, Int64?)])
    func int64(text: String, expected: Int64?) throws {
        #expect(try number(text).int64 == expected)
    }

    @Test("unsigned whole numbers reach their full range")
    func uint64() throws {
        #expect(try number("18446744073709551615").uint64 == .max)
        #expect(try number("18446744073709551615.0").uint64 == .max)
        #expect(try number("1.8446744073709551615e19").uint64 == .max)
        #expect(try number("18446744073709551616").uint64 == nil)
        #expect(try number("-1").uint64 == nil)
        #expect(try number("-1.0").uint64 == nil)
        #expect(try number("-0.0").uint64 == 0)
    }

    @Test(
        "being whole is decided exactly",
        arguments: [
            ("1e400", true), ("1e999999999", true), ("1.5e400", true), ("1.5e0", false), ("1e-400", false),
            ("123.000", true), ("0e-5", true), ("100e-2", true), ("101e-2", false),
            ("99999999999999999999.5", false),
        ])
    func isInteger(text: String, expected: Bool) throws {
        #expect(try number(text).isInteger == expected)
    }

    @Test(
        "order is exact, whatever the digits and exponents",
        arguments: [
            ("1", "2"), ("-2", "-1"), ("-1", "0"), ("0", "1e-999999999"), ("1e-400", "2e-400"), ("1e400", "1e401"),
            ("0.1", "0.10000000000000000000000000001"), ("9007199254740992", "9007199254740993"),
            ("9007199254740992.5", "9007199254740993"), ("1.5", "2"), ("-1e400", "-1e399"), ("-1e400", "5"),
            ("99999999999999999999", "1e20"), ("12345678901234567890", "12345678901234567890.1"), ("9", "1e1"),
            ("1e19", "10000000000000000001"), ("0.3", "0.31"), ("-0.31", "-0.3"),
        ])
    func orders(smaller: String, larger: String) throws {
        let (smaller, larger) = (try number(smaller), try number(larger))
        #expect(smaller < larger)
        #expect(!(larger < smaller))
        #expect(smaller != larger)
    }

    @Test(
        "numbers equal by value hash alike",
        arguments: [
            ("1", "1.0"), ("1", "10e-1"), ("100", "1e2"), ("0", "-0"), ("0", "0.000e5"), ("-1.50", "-15e-1"),
            ("1e400", "10e399"), ("123456789012345678901", "123456789012345678901.0"),
            ("9223372036854775807", "9223372036854775807.000"),
        ])
    func equals(left: String, right: String) throws {
        let (left, right) = (try number(left), try number(right))
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(!(left < right))
        #expect(!(right < left))
    }

    @Test("doubles become the shortest text that reads back")
    func doubles() throws {
        #expect(JSONNumber(0.1)?.text == "0.1")
        #expect(JSONNumber(1.0)?.text == "1")
        #expect(JSONNumber(-0.0)?.text == "-0.0")
        #expect(JSONNumber(.nan) == nil)
        #expect(JSONNumber(.infinity) == nil)
        let values: [Double] = [
            1e300, .leastNonzeroMagnitude, 1e16, 123456789.125, .greatestFiniteMagnitude, -2.5e-8, 0x1p53, 0x1p63,
        ]
        for value in values {
            let text = try #require(JSONNumber(value)).text
            #expect(try JSONParser.parse(text).text == text)
            #expect(try number(text).double == value)
        }
        #expect(try number("1e400").double == .infinity)
        #expect(JSONValue.double(.nan) == .null)
    }
}
