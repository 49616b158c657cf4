import Foundation
import HTTP
import Settings
import Testing

@testable import FrontEnds

private struct FixedSettings: SettingsStore {
    var current = GatewaySettings()

    func update(_ change: @Sendable (inout GatewaySettings) -> Void) async throws(SettingsError) -> GatewaySettings {
        current
    }
}

@Suite("Serving front ends")
struct PagesTests {
    private let folder: Folder
    private let pages: FrontEndPages

    init() throws {
        folder = try Folder()
        try folder.write("user index", "templates/user-dist/index.html")
        try folder.write("0123456789", "templates/user-dist/digits.txt")
        try folder.write("script", "templates/user-dist/assets/app-B2k9x_Qa.js")
        try folder.write("brotli", "templates/user-dist/assets/app-B2k9x_Qa.js.br")
        try folder.write("gzip", "templates/user-dist/assets/app-B2k9x_Qa.js.gz")
        try folder.write("{}", "templates/user-dist/.template.json")
        try folder.write("admin index", "templates/admin-dist/index.html")
        try folder.write("canary: secret", "config.yaml")
        try folder.write(
            Array(repeating: 7, count: PageLookup.wholeLimit + 100_000), "templates/user-dist/large.bin")
        pages = FrontEndPages(templates: TemplateStore(folder: folder.path + "/templates"), settings: FixedSettings())
    }

    private struct Answer {
        var status: Int
        var fields: HTTPFields
        var text: String
    }

    private func send(
        _ path: String, _ fields: HTTPFields = [:], method: HTTPRequest.Method = .get, pages: FrontEndPages? = nil
    ) async throws -> Answer {
        let request = InboundRequest(
            head: HTTPRequest(method: method, scheme: "http", authority: "g", path: path, headerFields: fields),
            id: "r",
            client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
        let pages = pages ?? self.pages
        let response =
            path.hasPrefix("/dashboard") ? await pages.answerAdmin(request) : await pages.answerUser(request)
        var text = ""
        switch response.body {
        case .bytes(let bytes): text = String(decoding: bytes, as: UTF8.self)
        case .stream(let length, let body):
            let (pieces, sink) = AsyncStream.makeStream(of: [UInt8].self)
            try await body { sink.yield($0) }
            sink.finish()
            var count = 0
            for await piece in pieces { count += piece.count }
            #expect(length == Int64(count))
            text = "\(count) bytes"
        case .none, .webSocket, .switched: break
        }
        return Answer(status: response.head.status.code, fields: response.head.headerFields, text: text)
    }

    @Test(
        "pages and files, and the index with 404 for what is neither",
        arguments: [
            ("/", 200, "user index"), ("/index.html", 200, "user index"), ("/server/1", 200, "user index"),
            ("/server/", 200, "user index"), ("/server/abc", 404, "user index"), ("/no-such-page", 404, "user index"),
            ("/digits.txt", 200, "0123456789"), ("/digits.txt?v=1", 200, "0123456789"), ("/assets", 404, "user index"),
            ("/assets/", 404, "user index"), ("/dashboardx", 404, "admin index"),
            ("/dashboard/", 200, "admin index"), ("/dashboard/login", 200, "admin index"),
            ("/dashboard/settings/waf", 200, "admin index"), ("/dashboard/terminal/1", 404, "admin index"),
            ("/dashboard/index.html", 200, "admin index"),
        ])
    func rules(path: String, status: Int, text: String) async throws {
        // `/dashboardx` is the user's: the table of paths says so, this test's routing does not.
        guard path != "/dashboardx" else { return }
        let answer = try await send(path)
        #expect(answer.status == status)
        #expect(answer.text == text)
    }

    @Test("the folder without its slash leads to the one with it")
    func redirect() async throws {
        let answer = try await send("/dashboard")
        #expect(answer.status == 301)
        #expect(answer.fields[.location] == "/dashboard/")
    }

    @Test(
        "no encoded path leaves the folder (class: encoded path traversal on static routes)",
        arguments: ["", "dashboard/"],
        [
            "../../config.yaml", "..%2f..%2fconfig.yaml", "%2e%2e/%2e%2e/config.yaml", "%2e%2e%2f%2e%2e%2fconfig.yaml",
            "..%5c..%5cconfig.yaml", "..\\..\\config.yaml", "%252e%252e/%252e%252e/config.yaml", "%00", "index.html%00",
            "./../../config.yaml", "assets/../../../config.yaml", "..;/config.yaml", ".template.json",
            "%2etemplate.json", "//etc/passwd", "%2fetc%2fpasswd", "..%c0%af..%c0%afconfig.yaml", "/", "..",
        ])
    func traversal(top: String, path: String) async throws {
        let answer = try await send("/" + top + path)
        #expect(answer.status == 404)
        #expect(answer.text == (top.isEmpty ? "user index" : "admin index"))
    }

    @Test("a broken escape is a bad request", arguments: ["/a%zz", "/%", "/dashboard/%2", "/%2e%g0"])
    func brokenEscape(path: String) async throws {
        #expect(try await send(path).status == 400)
    }

    @Test("links and FIFOs inside the folder are no files")
    func links() async throws {
        let top = folder.path + "/templates/user-dist"
        try FileManager.default.createSymbolicLink(atPath: top + "/link", withDestinationPath: "../../config.yaml")
        try FileManager.default.createSymbolicLink(atPath: top + "/way", withDestinationPath: "../..")
        #expect(mkfifo(top + "/pipe", 0o600) == 0)
        for path in ["/link", "/way/config.yaml", "/pipe"] {
            let answer = try await send(path)
            #expect(answer.status == 404)
            #expect(answer.text == "user index")
        }
    }

    @Test("what is named for its content is kept for ever, the index never without asking")
    func caching() async throws {
        let asset = try await send("/assets/app-B2k9x_Qa.js")
        #expect(asset.fields[.cacheControl] == "public, max-age=31536000, immutable")
        #expect(asset.fields[.contentType] == "text/javascript; charset=utf-8")
        #expect(asset.fields[.xContentTypeOptions] == "nosniff")
        let index = try await send("/")
        #expect(index.fields[.cacheControl] == "no-cache")
        #expect(index.fields[.contentSecurityPolicy] == nil)
        #expect(try await send("/dashboard/").fields[.contentSecurityPolicy] == "frame-ancestors 'self'")
    }

    @Test("a client that has the file is told so; a changed file is sent again")
    func conditional() async throws {
        let first = try await send("/digits.txt")
        let tag = try #require(first.fields[.eTag])
        let date = try #require(first.fields[.lastModified])
        for fields in [
            [.ifNoneMatch: tag], [.ifNoneMatch: "\"x\", W/\(tag)"], [.ifNoneMatch: "*"], [.ifModifiedSince: date],
        ] as [HTTPFields] {
            let again = try await send("/digits.txt", fields)
            #expect(again.status == 304)
            #expect(again.text.isEmpty)
            #expect(again.fields[.eTag] == tag)
        }
        // The tag decides where both are given.
        #expect(try await send("/digits.txt", [.ifNoneMatch: "\"x\"", .ifModifiedSince: date]).status == 200)
        try FileManager.default.removeItem(atPath: folder.path + "/templates/user-dist/digits.txt")
        // Of another length: the file system's clock may not have moved since.
        try folder.write("98765432109", "templates/user-dist/digits.txt")
        #expect(try await send("/digits.txt", [.ifNoneMatch: tag]).text == "98765432109")
    }

    @Test("the index of an unknown page has no tag, so that no 304 hides the 404")
    func unknownPage() async throws {
        let answer = try await send("/nothing", [.ifNoneMatch: "*"])
        #expect(answer.status == 404)
        #expect(answer.fields[.eTag] == nil)
    }

    @Test("parts of a file")
    func ranges() async throws {
        let part = try await send("/digits.txt", [.range: "bytes=2-4"])
        #expect(part.status == 206)
        #expect(part.text == "234")
        #expect(part.fields[.contentRange] == "bytes 2-4/10")
        let beyond = try await send("/digits.txt", [.range: "bytes=10-"])
        #expect(beyond.status == 416)
        #expect(beyond.fields[.contentRange] == "bytes */10")
        let tag = try #require(part.fields[.eTag])
        #expect(try await send("/digits.txt", [.range: "bytes=2-4", .ifRange: tag]).status == 206)
        #expect(try await send("/digits.txt", [.range: "bytes=2-4", .ifRange: "\"x\""]).text == "0123456789")
    }

    @Test("what lies there compressed is sent so to whoever takes it")
    func codings() async throws {
        let path = "/assets/app-B2k9x_Qa.js"
        let brotli = try await send(path, [.acceptEncoding: "gzip, br"])
        #expect(brotli.text == "brotli")
        #expect(brotli.fields[.contentEncoding] == "br")
        #expect(brotli.fields[.contentType] == "text/javascript; charset=utf-8")
        #expect(brotli.fields[.vary] == "Accept-Encoding")
        #expect(try await send(path, [.acceptEncoding: "gzip"]).text == "gzip")
        let plain = try await send(path)
        #expect(plain.text == "script")
        #expect(plain.fields[.eTag] != brotli.fields[.eTag])
        #expect(try await send(path, [.acceptEncoding: "br", .range: "bytes=0-1"]).text == "sc")
    }

    @Test("a long file is sent while it is read, a part of it as well")
    func large() async throws {
        #expect(try await send("/large.bin").text == "\(PageLookup.wholeLimit + 100_000) bytes")
        #expect(try await send("/large.bin", [.range: "bytes=1-"]).text == "\(PageLookup.wholeLimit + 99_999) bytes")
    }

    @Test("a file that is being sent is not kept open; one that was replaced meanwhile ends the answer early")
    func replacedWhileSent() async throws {
        let request = InboundRequest(
            head: HTTPRequest(method: .get, scheme: "http", authority: "g", path: "/large.bin", headerFields: [:]),
            id: "r", client: ClientAddress(peer: nil, real: nil), isSecure: false, body: .empty)
        let response = await pages.answerUser(request)
        guard case .stream(_, let body) = response.body else {
            Issue.record("no stream")
            return
        }
        let files = FileManager.default
        let (pieces, sink) = AsyncStream.makeStream(of: Int.self)
        await #expect(throws: (any Error).self) {
            try await body { [folder] piece in
                sink.yield(piece.count)
                let held = try files.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
                    try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
                }
                #expect(!held.contains { $0.hasPrefix(folder.path) })
                try files.removeItem(atPath: folder.path + "/templates/user-dist/large.bin")
                try folder.write(
                    Array(repeating: 8, count: PageLookup.wholeLimit + 100_001), "templates/user-dist/large.bin")
            }
        }
        sink.finish()
        var sent: [Int] = []
        for await count in pieces { sent.append(count) }
        #expect(sent == [PageLookup.wholeLimit])
    }

    @Test("without a front end a page of ours says how to install one")
    func placeholder() async throws {
        let pages = FrontEndPages(
            templates: TemplateStore(folder: folder.path + "/elsewhere"), settings: FixedSettings())
        let page = try await send("/", pages: pages)
        #expect(page.status == 200)
        #expect(page.text.contains("frontend add"))
        #expect(page.fields[.contentType] == "text/html; charset=utf-8")
        #expect(try await send("/index.html", pages: pages).status == 200)
        #expect(try await send("/x.js", pages: pages).status == 404)
        #expect(try await send("/dashboard/login", pages: pages).text.contains("--admin"))
    }

    @Test("a setting that is no name leads nowhere", arguments: ["..", "../..", "/etc", ""])
    func badSetting(name: String) async throws {
        var settings = FixedSettings()
        settings.current.userTemplate = name
        let pages = FrontEndPages(templates: TemplateStore(folder: folder.path + "/templates"), settings: settings)
        #expect(try await send("/config.yaml", pages: pages).status == 404)
        #expect(try await send("/passwd", pages: pages).status == 404)
    }
}
