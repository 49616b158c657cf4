import FoundationEssentials
import Glibc
import Logging
import TestSupport
import Testing

@testable import GeoIP

@Suite("Countries: the file")
struct CountryBookTests {
    /// A file of its own, and what was logged about it.
    private final class Scene: Sendable {
        let path: String
        let book: CountryBook
        private let log = KeptLog()

        init() {
            path = FileManager.default.temporaryDirectory.path + "/geoip-tests-\(UUID().uuidString).mmdb"
            book = CountryBook(path: path, logger: log.logger)
        }

        deinit { unlink(path) }

        var lines: [String] { log.events.map { "\($0.level): \($0.message) \($0.metadata ?? [:])" } }

        /// Over the file, as a copy does, or beside it and then in its place.
        func write(_ bytes: [UInt8], inPlace: Bool = false) throws {
            if inPlace {
                let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
                try #require(descriptor >= 0)
                defer { close(descriptor) }
                #expect(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
            } else {
                try Data(bytes).write(to: URL(filePath: path), options: .atomic)
            }
        }

        /// Two looks, between which nothing changes.
        func settle() {
            let seen = book.look(after: nil)
            _ = book.look(after: seen)
        }
    }

    private static func database(_ code: String) -> [UInt8] {
        var writer = DatabaseWriter(version: 4)
        writer.add([192, 0, 2, 0], 24, .map([("country", .map([("iso_code", .text(code))]))]))
        return writer.bytes
    }

    @Test("a file that is not there is told once and changes nothing; when it comes it is read")
    func absent() async throws {
        let scene = Scene()
        await scene.book.load()
        for _ in 0..<3 { scene.settle() }
        #expect(scene.book.country(of: "192.0.2.1") == nil)
        #expect(scene.lines.count == 1)
        #expect(scene.lines.first?.hasPrefix("warning: no countries") == true)
        try scene.write(Self.database("DE"))
        scene.settle()
        #expect(scene.book.country(of: "192.0.2.1") == "DE")
        #expect(scene.book.country(of: "no address") == nil)
        #expect(scene.lines.count == 2)
    }

    @Test("a file that changes is read again, once it is whole", arguments: [false, true])
    func change(inPlace: Bool) async throws {
        let scene = Scene()
        try scene.write(Self.database("DE"))
        await scene.book.load()
        try scene.write(Self.database("FR") + [0], inPlace: inPlace)
        let seen = scene.book.look(after: nil)
        // It may be half written: whoever writes over it takes nothing away from lookups.
        #expect(scene.book.country(of: "192.0.2.1") == "DE")
        _ = scene.book.look(after: seen)
        #expect(scene.book.country(of: "192.0.2.1") == "FR")
        // Nothing changed: nothing is read.
        for _ in 0..<3 { scene.settle() }
        #expect(scene.lines.count == 2)
    }

    @Test("a broken file, and one that goes, are told once; what was read before is used on")
    func broken() async throws {
        let scene = Scene()
        try scene.write(Self.database("DE"))
        await scene.book.load()
        try scene.write(Array("no database".utf8), inPlace: true)
        for _ in 0..<3 { scene.settle() }
        #expect(scene.lines.count == 2)
        unlink(scene.path)
        for _ in 0..<3 { scene.settle() }
        #expect(scene.lines.count == 3)
        #expect(scene.book.country(of: "192.0.2.1") == "DE")
        try scene.write(Self.database("FR"))
        scene.settle()
        #expect(scene.book.country(of: "192.0.2.1") == "FR")
    }

    @Test("the background work reads what comes later")
    func running() async throws {
        let scene = Scene()
        let work = Task { await scene.book.run(every: .milliseconds(5)) }
        try scene.write(Self.database("DE"))
        for _ in 0..<2000 where scene.book.country(of: "192.0.2.1") == nil {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(scene.book.country(of: "192.0.2.1") == "DE")
        work.cancel()
        await work.value
    }

    @Test("what is no plain file holds nobody up")
    func pipe() async {
        let scene = Scene()
        #expect(mkfifo(scene.path, 0o600) == 0)
        await scene.book.load()
        #expect(scene.lines.count == 1)
    }
}
