import Testing

@testable import HTTP

@Suite("Fields and other values of HTTP")
struct FieldTests {
    @Test(
        "a value cannot end its field: what is not legal becomes a space, the ends are trimmed",
        arguments: [
            ("plain", "plain"), ("a\r\nSet-Cookie: x=y", "a  Set-Cookie: x=y"), (" \t a b \t", "a b"),
            ("a\u{0}b\u{7F}c\u{1B}", "a b c"), ("a\tb", "a\tb"), ("Köln", "Köln"), ("\r\n", ""), ("", ""),
            // A line feed with a joiner is one character, and no less a line feed.
            ("a\n\u{301}b", "a \u{301}b"), ("a\r\nb", "a  b"),
        ])
    func cleaned(value: String, legal: String) {
        var field = HTTPField(name: .location, value: value)
        #expect(Array(field.value.utf8) == Array(legal.utf8))
        field.value = ""
        field.value = value
        #expect(Array(field.value.utf8) == Array(legal.utf8))
        #expect(HTTPField.isValidValue(value) == (Array(value.utf8) == Array(legal.utf8)))
        var fields: HTTPFields = [.location: value]
        #expect(fields[.location] == legal)
        fields[.location] = value
        fields.append(HTTPField(name: .location, value: Array(value.utf8)))
        #expect(fields[values: .location] == [legal, legal])
        #expect(HTTPResponse.Status(code: 599, reasonPhrase: value).reasonPhrase == legal)
        #expect(HTTPRequest(method: .get, scheme: nil, authority: value, path: value).path == legal)
    }

    @Test("names are tokens, equal in any case, and keep their spelling")
    func names() throws {
        for bad in ["", "a b", "a:", "ä", "a\r\n", "(x)", "\u{0}", "x\u{301}"] { #expect(HTTPField.Name(bad) == nil) }
        let odd = try #require(HTTPField.Name("CoNTent-TYPE"))
        #expect(odd == .contentType)
        #expect(odd.rawName == "CoNTent-TYPE")
        #expect(odd.canonicalName == "content-type")
        #expect(odd.hashValue == HTTPField.Name.contentType.hashValue)
        let own = try #require(HTTPField.Name("X-Own"))
        #expect(own == HTTPField.Name("x-oWN"))
        #expect(own != HTTPField.Name("X-Owm"))
        #expect(own != .contentType)
        #expect(HTTPField.Name(wire: Array("content-type".utf8).span)?.rawName == "content-type")
        #expect(HTTPField.Name(wire: Array("Content-Type".utf8).span)?.rawName == "Content-Type")
        #expect(HTTPField.Name(wire: Array("content-Type".utf8).span) == .contentType)
        #expect(HTTPField.Name(wire: Array("content type".utf8).span) == nil)
        #expect(HTTPField.Name(wire: [UInt8]().span) == nil)
    }

    @Test("repeated fields are joined, cookies in their own way; setting replaces the first and drops the rest")
    func repeated() {
        var fields: HTTPFields = [.accept: "a", .cookie: "x=1", .accept: "b", .cookie: "y=2", .accept: "c"]
        #expect(fields[.accept] == "a, b, c")
        #expect(fields[.cookie] == "x=1; y=2")
        #expect(fields[.origin] == nil)
        fields[.accept] = "d"
        #expect(fields.map(\.value) == ["d", "x=1", "y=2"])
        fields[values: .cookie] = ["z=3"]
        #expect(fields.map(\.value) == ["d", "z=3"])
        fields[.cookie] = nil
        fields[.origin] = "o"
        #expect(fields.map(\.description) == ["Accept: d", "Origin: o"])
        #expect(fields.contains(.origin))
        #expect(!fields.contains(.cookie))
    }

    @Test("fields are equal in any order of names, not in any order of values")
    func equal() {
        let fields: HTTPFields = [.accept: "a", .origin: "o", .accept: "b"]
        #expect(fields == [.origin: "o", .accept: "a", .accept: "b"])
        #expect(fields.hashValue == ([.origin: "o", .accept: "a", .accept: "b"] as HTTPFields).hashValue)
        #expect(fields != [.origin: "o", .accept: "b", .accept: "a"])
        #expect(fields != [.origin: "o", .accept: "a"])
    }

    @Test("statuses have words and kinds; a code of four digits is none")
    func statuses() {
        #expect(HTTPResponse.Status.notFound.description == "404 Not Found")
        #expect(HTTPResponse.Status(code: 599).reasonPhrase == "")
        #expect(HTTPResponse.Status(code: 404, reasonPhrase: "gone fishing") == .notFound)
        #expect(HTTPResponse.Status(code: 1000).kind == .invalid)
        #expect(
            [100, 204, 304, 404, 503].map { HTTPResponse.Status(code: $0).kind } == [
                .informational, .successful, .redirection, .clientError, .serverError,
            ])
        #expect(HTTPRequest.Method("GE T") == nil)
        #expect(HTTPRequest.Method("get") != .get)
    }

    @Test("the date has the form of RFC 9110")
    func date() {
        #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(1_709_164_800) == "Thu, 29 Feb 2024 00:00:00 GMT")
        #expect(HTTPDate.text(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.text(951_868_799) == "Tue, 29 Feb 2000 23:59:59 GMT")
        #expect(HTTPDate.text(4_107_542_400) == "Mon, 01 Mar 2100 00:00:00 GMT")
    }

    @Test("ids are random and of one form")
    func requestIDs() {
        let ids = Set((0..<100).map { _ in RequestID.next() })
        #expect(ids.count == 100)
        #expect(ids.allSatisfy { $0.count == 16 && $0.allSatisfy(\.isHexDigit) })
    }
}
