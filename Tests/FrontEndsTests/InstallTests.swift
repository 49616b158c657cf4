import Foundation
import Testing

@testable import FrontEnds

@Suite("Installing front ends")
struct InstallTests {
    private let folder: Folder
    private let store: TemplateStore
    private let name: TemplateName

    init() throws {
        folder = try Folder()
        store = TemplateStore(folder: folder.path + "/templates")
        name = try #require(TemplateName("user-dist"))
    }

    private func add(_ zip: [UInt8], _ limits: InstallLimits = InstallLimits()) throws -> InstalledTemplate {
        try folder.write(zip, "dist.zip")
        return try store.add(folder.path + "/dist.zip", as: name, isAdmin: false, limits: limits)
    }

    /// Nothing is installed, nothing is left over, and nothing lies outside.
    private func expectNothing(besides: [String] = ["dist.zip"]) {
        #expect(store.list().isEmpty)
        #expect(folder.names("templates").isEmpty)
        #expect(folder.names().filter { $0 != "templates" } == besides)
    }

    @Test("a zip file with its files at the top, or in one folder")
    func zip() throws {
        let template = try add(ZipWriter.file(["index.html": "top", "assets/a.js": "1"]))
        #expect(template.files == 2)
        #expect(template.bytes == 4)
        #expect(folder.text("templates/user-dist/assets/a.js") == "1")
        _ = try add(ZipWriter.file(["dist/index.html": "inner", "dist/b.js": "2"]))
        #expect(folder.text("templates/user-dist/index.html") == "inner")
        #expect(folder.text("templates/user-dist/b.js") == "2")
        // The former one is gone altogether.
        #expect(folder.text("templates/user-dist/assets/a.js") == nil)
        #expect(folder.names("templates") == ["user-dist"])
    }

    @Test("a compressed zip file, as programs write it")
    func deflated() throws {
        // index.html: the letter a, a thousand times.
        let archive = """
            UEsDBBQAAAAIAAAAIVgD2jiaCwAAAOgDAAAKAAAAaW5kZXguaHRtbEtMHAWjYBQMdwAAUEsBAhQDFAAAAAgAAAAhWAPaOJoL\
            AAAA6AMAAAoAAAAAAAAAAAAAAKQBAAAAAGluZGV4Lmh0bWxQSwUGAAAAAAEAAQA4AAAAMwAAAAAA
            """
        let bytes = try #require(Data(base64Encoded: archive))
        _ = try add(Array(bytes))
        #expect(folder.text("templates/user-dist/index.html") == String(repeating: "a", count: 1000))
    }

    @Test("a folder, without what systems leave behind")
    func tree() throws {
        try folder.write("index", "build/index.html")
        try folder.write("x", "build/assets/x.js")
        try folder.write("secret", "build/.env")
        try folder.write("z", "build/__MACOSX/z")
        let template = try store.add(folder.path + "/build", as: name, isAdmin: true)
        #expect(template.files == 2)
        #expect(folder.names("templates/user-dist") == [".template.json", "assets", "index.html"])
        #expect(store.list() == [template])
        #expect(store.template(name)?.isAdmin == true)
    }

    @Test("a folder with a link or a FIFO in it is refused")
    func links() throws {
        try folder.write("index", "build/index.html")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/build/passwd", withDestinationPath: "/etc/passwd")
        #expect(throws: TemplateError.notAFile("passwd")) {
            try store.add(folder.path + "/build", as: name, isAdmin: false)
        }
        expectNothing(besides: ["build"])
        try FileManager.default.removeItem(atPath: folder.path + "/build/passwd")
        #expect(mkfifo(folder.path + "/build/pipe", 0o600) == 0)
        #expect(throws: TemplateError.notAFile("pipe")) {
            try store.add(folder.path + "/build", as: name, isAdmin: false)
        }
        expectNothing(besides: ["build"])
    }

    @Test(
        "a name that leads elsewhere is refused (class: archive traversal)",
        arguments: [
            "../evil", "a/../../evil", "/etc/evil", "a\\..\\evil", "C:evil", "a//b", "./a", "..", "a/\u{1}", "a\u{0}b",
            "",
        ])
    func traversal(path: String) throws {
        let entries = [
            ZipWriter.Entry(name: Array("index.html".utf8)), ZipWriter.Entry(name: Array(path.utf8), data: [1]),
        ]
        #expect(throws: TemplateError.self) { try add(ZipWriter.file(entries)) }
        expectNothing()
    }

    @Test("a name that is no text is refused")
    func notText() throws {
        let entries = [ZipWriter.Entry(name: Array("index.html".utf8)), ZipWriter.Entry(name: [0x61, 0xFF])]
        #expect(throws: TemplateError.self) { try add(ZipWriter.file(entries)) }
        expectNothing()
    }

    @Test("a link in a zip file is refused, what is encrypted or compressed otherwise, too")
    func specials() throws {
        let index = ZipWriter.Entry(name: Array("index.html".utf8))
        let link = ZipWriter.Entry(name: Array("l".utf8), data: Array("/etc".utf8), mode: 0o120777)
        #expect(throws: TemplateError.notAFile("l")) { try add(ZipWriter.file([index, link])) }
        let locked = ZipWriter.Entry(name: Array("e".utf8), data: [1], flags: 1)
        #expect(throws: TemplateError.unsupported("e")) { try add(ZipWriter.file([index, locked])) }
        let strange = ZipWriter.Entry(name: Array("s".utf8), data: [1], method: 12)
        #expect(throws: TemplateError.unsupported("s")) { try add(ZipWriter.file([index, strange])) }
        expectNothing()
    }

    @Test("the same path twice, or a file where a folder is, is refused")
    func duplicates() throws {
        #expect(throws: TemplateError.duplicate("a")) {
            try add(ZipWriter.file(["index.html": "", "a": "1", "a": "2"]))
        }
        #expect(throws: TemplateError.self) { try add(ZipWriter.file(["index.html": "", "a": "1", "a/b": "2"])) }
        #expect(throws: TemplateError.self) { try add(ZipWriter.file(["index.html": "", "a/b": "1", "a": "2"])) }
        expectNothing()
    }

    @Test("a wrong checksum, a cut file and no zip file at all are refused")
    func damaged() throws {
        let wrong = ZipWriter.Entry(name: Array("index.html".utf8), data: [1, 2, 3], crc: 7)
        #expect(throws: TemplateError.self) { try add(ZipWriter.file([wrong])) }
        let good = ZipWriter.file(["index.html": "text"])
        #expect(throws: TemplateError.self) { try add(Array(good.dropLast(30))) }
        #expect(throws: TemplateError.self) { try add(Array("no zip file".utf8)) }
        #expect(throws: TemplateError.self) { try add([]) }
        #expect(throws: TemplateError.self) { try store.add(folder.path + "/missing", as: name, isAdmin: false) }
        expectNothing()
    }

    @Test("without an index at the top there is no front end")
    func noIndex() throws {
        for files in [["a.js": "1"], ["a/b/index.html": "1"], ["a/index.html": "1", "b/c": "2"]]
            as [KeyValuePairs<String, String>]
        {
            #expect(throws: TemplateError.noIndex) { try add(ZipWriter.file(files)) }
        }
        expectNothing()
    }

    @Test("each limit holds on both sides")
    func limits() throws {
        var limits = InstallLimits()
        limits.files = 2
        limits.fileSize = 4
        limits.totalSize = 6
        limits.pathLength = 12
        limits.depth = 2
        _ = try add(ZipWriter.file(["index.html": "1234", "a/bcdefghijk": "12"]), limits)
        for files in [
            ["index.html": "", "a": "", "b": ""], ["index.html": "12345"], ["index.html": "1234", "a": "123"],
            ["index.html": "", "a/bcdefghijkl": ""], ["index.html": "", "a/b/c": ""],
        ] as [KeyValuePairs<String, String>] {
            #expect { try add(ZipWriter.file(files), limits) } throws: { error in
                guard case TemplateError.tooMuch = error else { return false }
                return true
            }
        }
        // What failed changed nothing.
        #expect(folder.text("templates/user-dist/index.html") == "1234")
        #expect(folder.names("templates") == ["user-dist"])
    }

    @Test("what an archive says of its sizes is not believed")
    func lies() throws {
        var limits = InstallLimits()
        limits.fileSize = 4
        let entry = ZipWriter.Entry(name: Array("index.html".utf8), data: Array(repeating: 1, count: 100), size: 1)
        #expect(throws: TemplateError.self) { try add(ZipWriter.file([entry]), limits) }
        expectNothing()
    }

    @Test("removing takes the folder away; one that is not there is told")
    func remove() throws {
        _ = try add(ZipWriter.file(["index.html": "1", "a/b": "2"]))
        try store.remove(name)
        expectNothing()
        #expect(throws: TemplateError.notInstalled("user-dist")) { try store.remove(name) }
    }
}
