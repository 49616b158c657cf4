import Foundation
import Primitives
import Testing

@Suite("Files replaced as a whole")
struct FileTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/primitives-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("a new file has the mode, its folders theirs, and nothing else is left")
    func new() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/a/b/file"
        try AtomicFile.write(Array("text".utf8), to: path, mode: 0o640, folderMode: 0o700)
        #expect(try AtomicFile.read(path, limit: 100) == Array("text".utf8))
        #expect(try mode(path) == 0o640)
        #expect(try mode(folder + "/a") == 0o700)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/a/b") == ["file"])
        #expect(throws: SystemCallError(code: ENOENT)) {
            try AtomicFile.write([], to: folder + "/no/file", mode: 0o600)
        }
    }

    @Test("an old file is replaced, not written over: who has it open keeps the old text")
    func replaced() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/file"
        try AtomicFile.write(Array("old".utf8), to: path, mode: 0o600)
        let open = try #require(FileHandle(forReadingAtPath: path))
        try AtomicFile.write(Array("new".utf8), to: path, mode: 0o600)
        #expect(open.readDataToEndOfFile() == Data("old".utf8))
        #expect(try AtomicFile.read(path, limit: 100) == Array("new".utf8))
        #expect(try AtomicFile.read(path, limit: 2) == Array("ne".utf8))
    }

    @Test("a link stays one: what it points to is replaced; one to nowhere is replaced itself")
    func link() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (path, real) = (folder + "/link", folder + "/real")
        try AtomicFile.write(Array("old".utf8), to: real, mode: 0o600)
        symlink("real", path)
        try AtomicFile.write(Array("new".utf8), to: path, mode: 0o600)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "real")
        #expect(try AtomicFile.read(real, limit: 100) == Array("new".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["link", "real"])
        unlink(real)
        try AtomicFile.write(Array("file".utf8), to: path, mode: 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["link"])
        #expect(try AtomicFile.read(path, limit: 100) == Array("file".utf8))
    }

    @Test("a descriptor that nobody holds stays open until it is synced")
    func sync() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Descriptor(owning: open(folder, O_RDONLY | O_DIRECTORY)).sync()
        #expect(throws: SystemCallError(code: EBADF)) { try Descriptor(owning: -1).sync() }
    }

    @Test("a duplicate outlives its original, and no program that is started has it")
    func duplicate() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/file"
        try AtomicFile.write(Array("text".utf8), to: path, mode: 0o600)
        func another() throws -> Descriptor { try Descriptor(owning: open(path, O_RDONLY)).duplicate() }
        let duplicate = try another()
        #expect(try duplicate.read(limit: 10) == Array("text".utf8))
        #expect(fcntl(duplicate.raw, F_GETFD) == FD_CLOEXEC)
    }

    @Test("only names of our own temporary files are leftovers")
    func leftovers() {
        func isLeftover(_ name: String) -> Bool { AtomicFile.isLeftover(Array(name.utf8), of: "/etc/agent.yml") }
        #expect(isLeftover("agent.yml.tmp-0123456789"))
        #expect(!isLeftover("agent.yml.tmp-012345678"))
        #expect(!isLeftover("agent.yml"))
        #expect(!isLeftover("other.yml.tmp-0123456789"))
    }

    @Test("the folder of a path", arguments: [("a", "."), ("/a", "/"), ("/a/b", "/a"), ("a/b/c", "a/b")])
    func folder(path: String, folder: String) {
        #expect(AtomicFile.folder(of: path) == folder)
    }
}
