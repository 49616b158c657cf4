import FoundationEssentials
import Glibc
import Storage
import Testing

@Suite("Opening the database")
struct OpeningTests {
    @Test("a second gateway on the same data is refused until the first closes")
    func lock() async throws {
        let scratch = try Scratch()
        let first = try scratch.open()
        #expect(throws: StorageError.alreadyServed(path: scratch.database)) { try scratch.open() }
        #expect(throws: StorageError.alreadyServed(path: scratch.database)) { try scratch.open() }
        _ = try await first.storage.users.insert(user("a"))
        first.close()
        first.close()
        let second = try scratch.open()
        #expect(try await second.storage.users.count() == 1)
        second.close()
    }

    @Test("a tool opens the data while a gateway serves it, and a gateway while tools are there")
    func tools() async throws {
        let scratch = try Scratch()
        let early = try scratch.open(.tool)
        let gateway = try scratch.open(.serve)
        let late = try scratch.open(.tool)
        _ = try await early.storage.users.insert(user("a"))
        _ = try await late.storage.users.insert(user("b"))
        early.close()
        #expect(try await gateway.storage.users.count() == 2)
        late.close()
        gateway.close()
    }

    @Test("the lock lives as long as anybody can still write")
    func lockOutlivesHandle() async throws {
        let scratch = try Scratch()
        var storage: Storage? = try scratch.open().storage
        #expect(throws: StorageError.alreadyServed(path: scratch.database)) { try scratch.open() }
        _ = try await storage?.users.insert(user("a"))
        storage = nil
        try scratch.open().close()
    }

    @Test("use after close throws and nothing else")
    func closed() async throws {
        let scratch = try Scratch()
        let handle = try scratch.open()
        handle.close()
        await #expect(throws: StorageError.self) { try await handle.storage.users.count() }
        await #expect(throws: StorageError.self) { try await handle.storage.users.insert(user("a")) }
        await #expect(throws: StorageError.self) { try await handle.storage.changes.revision() }
    }

    @Test("files are their owner's alone, also made laxer before, and so is a new folder")
    func fileModes() async throws {
        let scratch = try Scratch()
        let folder = scratch.folder + "/new/data"
        let path = folder + "/sqlite.db"
        let handle = try SQLiteDatabase.open(path: path, mode: .serve, logger: quiet)
        _ = try await handle.storage.users.insert(user("a"))
        #expect(try mode(folder) == 0o700)
        #expect(try mode(scratch.folder + "/new") == 0o700)
        for file in [path, path + "-wal", path + "-shm", path + ".lock"] { #expect(try mode(file) == 0o600) }
        handle.close()

        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let again = try SQLiteDatabase.open(path: path, mode: .tool, logger: quiet)
        _ = try await again.storage.users.insert(user("b"))
        for file in [path, path + "-wal", path + "-shm"] { #expect(try mode(file) == 0o600) }
        again.close()
    }

    @Test("a link to where no file is yet has the database made there, its owner's alone")
    func linkToNowhere() async throws {
        let scratch = try Scratch()
        let (volume, link) = (scratch.folder + "/volume", scratch.folder + "/link.db")
        try FileManager.default.createDirectory(atPath: volume, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "volume/sqlite.db")
        for name in ["a", "b"] {
            let handle = try SQLiteDatabase.open(path: link, mode: .serve, logger: quiet)
            _ = try await handle.storage.users.insert(user(name))
            handle.close()
            #expect(try mode(volume + "/sqlite.db") == 0o600)
        }
        try FileManager.default.removeItem(atPath: volume)
        #expect(throws: StorageError.notWritable(path: link)) {
            try SQLiteDatabase.open(path: link, mode: .serve, logger: quiet).close()
        }
    }

    @Test("an empty file becomes a database; a relative path and a name with odd characters work")
    func oddPaths() async throws {
        let scratch = try Scratch()
        _ = FileManager.default.createFile(atPath: scratch.database, contents: nil)
        try scratch.open().close()
        let odd = scratch.folder + "/a b?mode=memory#ü%41.db"
        let handle = try SQLiteDatabase.open(path: odd, mode: .serve, logger: quiet)
        _ = try await handle.storage.users.insert(user("a"))
        handle.close()
        #expect(FileManager.default.fileExists(atPath: odd))

        let up = String(repeating: "../", count: FileManager.default.currentDirectoryPath.split(separator: "/").count)
        let relative = up + scratch.folder.dropFirst() + "/relative.db"
        try SQLiteDatabase.open(path: relative, mode: .serve, logger: quiet).close()
        #expect(FileManager.default.fileExists(atPath: scratch.folder + "/relative.db"))
    }

    @Test("a place that cannot be written is named", arguments: [SQLiteDatabase.Mode.serve, .tool])
    func notWritable(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        _ = FileManager.default.createFile(atPath: scratch.folder + "/file", contents: nil)
        // Permission bits do not bind root, under whom these tests may run; these places bind everybody.
        for path in [scratch.folder + "/file/sqlite.db", "/proc/none/sqlite.db", ""] {
            #expect(throws: StorageError.notWritable(path: path)) {
                try SQLiteDatabase.open(path: path, mode: mode, logger: quiet)
            }
        }
    }

    @Test(
        "a read-only folder or file is named",
        .enabled(if: geteuid() != 0, "permission bits do not bind root"), arguments: [SQLiteDatabase.Mode.serve, .tool])
    func readOnly(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        try scratch.open().close()
        let files = FileManager.default
        try files.setAttributes([.posixPermissions: 0o400], ofItemAtPath: scratch.database)
        #expect(throws: StorageError.notWritable(path: scratch.database)) { try scratch.open(mode) }
        try files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: scratch.database)
        try files.setAttributes([.posixPermissions: 0o500], ofItemAtPath: scratch.folder)
        defer { try? files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: scratch.folder) }
        #expect(throws: StorageError.notWritable(path: scratch.database)) { try scratch.open(mode) }
        try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: scratch.folder)
        try files.removeItem(atPath: scratch.database + ".lock")
        try files.setAttributes([.posixPermissions: 0o500], ofItemAtPath: scratch.folder)
        #expect(throws: StorageError.notWritable(path: scratch.database)) { try scratch.open(mode) }
    }

    @Test("a file that is no database is refused and left as it is", arguments: [SQLiteDatabase.Mode.serve, .tool])
    func garbage(mode: SQLiteDatabase.Mode) throws {
        let scratch = try Scratch()
        for content in [Data("listen_port: 8008\n".utf8), Data(repeating: 7, count: 10_000)] {
            try content.write(to: URL(fileURLWithPath: scratch.database))
            #expect(throws: StorageError.notADatabase(path: scratch.database)) { try scratch.open(mode) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.database)) == content)
        }
        try FileManager.default.removeItem(atPath: scratch.database)
        try FileManager.default.createDirectory(atPath: scratch.database, withIntermediateDirectories: false)
        #expect(throws: StorageError.notADatabase(path: scratch.database)) { try scratch.open(mode) }
    }

    @Test("a database with a damaged page is refused or answers with an error, and does not end the process")
    func damaged() async throws {
        let scratch = try Scratch()
        let handle = try scratch.open()
        for index in 0..<200 { _ = try await handle.storage.users.insert(user("user \(index)")) }
        handle.close()
        var content = try Data(contentsOf: URL(fileURLWithPath: scratch.database))
        for index in stride(from: 200, to: content.count, by: 7) { content[index] = 0xA5 }
        try content.write(to: URL(fileURLWithPath: scratch.database))
        #expect(throws: StorageError.notADatabase(path: scratch.database)) { try scratch.open() }
    }

    @Test("after a crash the data is there and the lock is free")
    func crash() async throws {
        let scratch = try Scratch()
        let crashed = try Scratch()
        let handle = try scratch.open()
        _ = try await handle.storage.users.insert(user("a"))
        // What a killed process leaves: the file, and a write-ahead log that nobody folded into it.
        for suffix in ["", "-wal", ".lock"] {
            try FileManager.default.copyItem(atPath: scratch.database + suffix, toPath: crashed.database + suffix)
        }
        handle.close()
        let reopened = try crashed.open()
        #expect(try await reopened.storage.users.user(named: "a") != nil)
        reopened.close()
    }

    @Test("a closed database is one complete file")
    func oneFile() async throws {
        let scratch = try Scratch()
        let copy = try Scratch()
        let handle = try scratch.open()
        _ = try await handle.storage.users.insert(user("a"))
        handle.close()
        try FileManager.default.copyItem(atPath: scratch.database, toPath: copy.database)
        let opened = try copy.open()
        #expect(try await opened.storage.users.count() == 1)
        opened.close()
    }

    private func mode(_ path: String) throws -> Int {
        var status = stat()
        try #require(unsafe stat(path, &status) == 0)
        return Int(status.st_mode & 0o777)
    }
}
