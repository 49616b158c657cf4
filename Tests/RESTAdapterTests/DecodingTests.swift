import HTTP
import JSON
import MCPServer
import Testing

@testable import RESTAdapter

@Suite("Query, path and cookies")
struct DecodingTests {
    @Test("a query is decoded once")
    func query() throws {
        let query = try QueryString("a=1&b=x%20y+z&b=2&empty=&bare&%C3%A9=%E2%82%AC&double=%2541&=v&&")
        #expect(query["a"] == "1")
        #expect(query.values("b") == ["x y z", "2"])
        #expect(query["empty"] == "")
        #expect(query["bare"] == "")
        #expect(query["é"] == "€")
        #expect(query["double"] == "%41")
        #expect(query["missing"] == nil)
        #expect(query.single("a") == "1")
        #expect(query.single("b") == nil)
    }

    @Test(
        "a query that can be read in two ways is refused",
        arguments: ["a=%", "a=%4", "a=%zz", "a=%00", "%00=a", "a=%ff", "a=%C3", "a=%C0%AF", "a=%ED%A0%80", "a=%+1"])
    func brokenQuery(text: String) {
        #expect(throws: RESTFailure.self) { try QueryString(text) }
    }

    @Test("a path matches segment by segment")
    func paths() throws {
        let pattern = PathPattern("/a/{id}/b/{name:text}")
        #expect(pattern.parameters == ["id", "name"])
        let found = try #require(pattern.match(["a", "12", "b", "x%20y"]))
        #expect(try found.map { try $0.value() } == [.integer(12), .string("x y")])
        #expect(pattern.match(["a", "12", "b"]) == nil)
        #expect(pattern.match(["A", "12", "b", "c"]) == nil)
        #expect(pattern.match(["a", "12", "b", "c", ""]) == nil)
    }

    @Test(
        "an id is an unsigned whole number of 64 bits",
        arguments: ["", "-1", "+1", "1.0", "0x1", "%31", "1 ", "abc", "18446744073709551616", "١"])
    func badIDs(text: String) throws {
        let capture = try #require(PathPattern("/{id}").match([text[...]])?.first)
        let failure = #expect(throws: RESTFailure.self) { try capture.value() }
        guard case .malformed(let reason)? = failure else {
            Issue.record("not told as malformed")
            return
        }
        #expect(reason == "invalid id: must be an unsigned whole number")
    }

    @Test("the largest id is one")
    func largestID() throws {
        let capture = try #require(PathPattern("/{id}").match(["18446744073709551615"])?.first)
        #expect(try capture.value().text == "18446744073709551615")
    }

    @Test("cookies are read from every header line; two that differ count as none")
    func cookies() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .cookie, value: "a=1; b=2 ;c=x=y;d"))
        fields.append(HTTPField(name: .cookie, value: "b=3; a=1"))
        let cookies = Cookies(fields)
        #expect(cookies["a"] == "1")
        #expect(cookies["b"] == nil)
        #expect(cookies["c"] == "x=y")
        #expect(cookies["d"] == nil)
    }
}
