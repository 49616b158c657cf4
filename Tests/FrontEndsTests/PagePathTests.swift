import Testing

@testable import FrontEnds

@Suite("Paths of pages")
struct PagePathTests {
    @Test(
        "what is odd is no path of a file",
        arguments: [
            "..", "../etc/passwd", "..%2f..%2fetc/passwd", "%2e%2e/%2e%2e/etc/passwd", "%2E%2E%2Fetc", "a/../b",
            "a/..%2fb", "..%5c..%5cdata", "a\\b", "%00", "a%00.js", "a%zz", "a%", "a%2", "", "/", "a//b", "a/", "./a",
            ".env", "a/.git/config", ".template.json", "%2etemplate.json", "a%0ab", "a%7f", "%c0%ae%c0%ae/x", "a%ff",
            "..;/x", ".%2e/x", "%2fetc%2fpasswd",
        ])
    func refused(path: String) {
        #expect(PagePath(path[...]) == nil)
    }

    @Test("escapes are decoded once")
    func decoded() {
        #expect(PagePath("a%20b/%E4%B8%AD.js")?.segments == ["a b", "中.js"])
        // What is decoded twice would lead upwards; as a name it leads nowhere.
        #expect(PagePath("%252e%252e/etc")?.segments == ["%2e%2e", "etc"])
    }

    @Test("a path has at most 2048 bytes, a name at most 255")
    func lengths() {
        #expect(PagePath(String(repeating: "a", count: 255)[...]) != nil)
        #expect(PagePath(String(repeating: "a", count: 256)[...]) == nil)
        #expect(PagePath((String(repeating: "a/", count: 1023) + "aa")[...]) != nil)
        #expect(PagePath((String(repeating: "a/", count: 1024) + "a")[...]) == nil)
    }

    @Test(
        "names that builders made of the content are kept for ever, others are asked for",
        arguments: [
            ("assets/index-B2k9x_Qa.js", true), ("assets/index-DiwrgTda.css", true), ("assets/a-x-9-abcD.js", true),
            ("static/js/main.8f3c1d2a.js", true), ("index-B2k9x_Qa.js", false), ("assets/index.js", false),
            ("assets/Dashboard.svg", false), ("assets/logo-Dashboard.svg", false),
            ("assets/inter-regular.woff2", false),
            ("assets/bootstrap-5.3.0.min.js", false), ("assets/B2k9x_Qa", false),
        ])
    func hashed(path: String, isHashed: Bool) throws {
        #expect(PageRules.isHashed(try #require(PagePath(path[...])).segments) == isHashed)
    }

    @Test(
        "pages of the two front ends",
        arguments: [
            ("/", true), ("/server/", true), ("/server/12", true), ("/server/1a", false), ("/server", false),
            ("/x", false),
        ])
    func userPages(path: String, isPage: Bool) {
        #expect(PageRules.isUserPage(path[...]) == isPage)
    }

    @Test("pages of the administrators' front end")
    func adminPages() {
        for path in ["", "login", "settings", "settings/api-tokens", "transfer"] {
            #expect(PageRules.isAdminPage(path[...]))
        }
        for path in ["/", "login/", "settings/", "terminal/1", "Login"] { #expect(!PageRules.isAdminPage(path[...])) }
    }

    @Test(
        "one range of bytes",
        arguments: [
            (nil, ByteRange.whole), ("bytes=0-3", .part(0..<4)), ("bytes=4-", .part(4..<10)),
            ("bytes=-3", .part(7..<10)),
            ("bytes=0-99", .part(0..<10)), ("bytes=-99", .part(0..<10)), ("bytes=10-", .unsatisfiable),
            ("bytes=-0", .unsatisfiable), ("bytes=5-4", .whole), ("bytes=0-1,3-4", .whole), ("bytes=a-b", .whole),
            ("items=0-1", .whole), ("bytes=-", .whole), ("bytes=99999999999999999999-", .whole),
        ] as [(String?, ByteRange)])
    func ranges(field: String?, range: ByteRange) {
        #expect(ByteRange(field, size: 10) == range)
    }

    @Test("there is no range of an empty file")
    func emptyFile() {
        #expect(ByteRange("bytes=0-", size: 0) == .unsatisfiable)
        #expect(ByteRange("bytes=-1", size: 0) == .unsatisfiable)
    }

    @Test("the better coding first, none that the client refuses")
    func codings() {
        #expect(ContentCoding.accepted("gzip, deflate, br") == [.brotli, .gzip])
        #expect(ContentCoding.accepted("br;q=0, gzip;q=0.5") == [.gzip])
        #expect(ContentCoding.accepted("br; q=0.000") == [])
        #expect(ContentCoding.accepted("identity") == [])
        #expect(ContentCoding.accepted(nil) == [])
    }

    @Test(
        "names of front ends",
        arguments: [
            ("user-dist", true), ("a", true), ("A.b_c-1", true), ("", false), (".hidden", false), ("..", false),
            ("a/b", false), ("a b", false), ("ä", false), ("a\u{0}", false),
        ])
    func templateNames(name: String, isName: Bool) {
        #expect((TemplateName(name) != nil) == isName)
        #expect(TemplateName(String(repeating: "a", count: 64)) != nil)
        #expect(TemplateName(String(repeating: "a", count: 65)) == nil)
    }
}
