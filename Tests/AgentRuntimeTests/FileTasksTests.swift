import AgentLink
import FoundationEssentials
import Glibc
import Primitives
import Secrets
import Synchronization
import Testing

@testable import AgentRuntime

@Suite("File tasks")
struct FileTasksTests {
    let folder = TemporaryFolder()
    let tasks = FileTasks()

    func failure(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return (error as? FileTaskError)?.text ?? "\(error)"
        }
    }

    @Test("paths are cleaned by their text and must be absolute")
    func paths() throws {
        #expect(try PathText.text(TargetPath("/a//b/./c/../d/").bytes) == "/a/b/d")
        #expect(try TargetPath("/..").isRoot)
        #expect(failure { _ = try TargetPath("") } == "path required")
        #expect(failure { _ = try TargetPath("a/b") } == "path must be absolute")
        #expect(failure { _ = try TargetPath("/a\0b") } == "path must not contain a zero byte")
        // Marks that join with a slash do not hide it.
        #expect(try TargetPath("/\u{600}/../..").isRoot)
        #expect(try PathText.text(TargetPath("/a/\u{301}b/..").bytes) == "/a")
        #expect(try TargetPath("/e\u{301}").bytes != TargetPath("/\u{e9}").bytes)
    }

    @Test("a listing has kinds, modes and link targets, and leaves hidden names out of the total")
    func list() throws {
        _ = folder.file("plain", "abc")
        _ = folder.file(".hidden", "x")
        mkdir(folder.file("inner"), 0o750)
        symlink("plain", folder.file("link"))
        mkfifo(folder.file("fifo"), 0o600)
        let reply = try tasks.list(FsListTask(path: folder.path))
        let entries = Dictionary(uniqueKeysWithValues: reply.entries.map { ($0.name, $0) })
        #expect(reply.total == 4)
        #expect(entries.count == 4)
        #expect(!reply.truncated)
        #expect(entries["plain"]?.type == "file")
        #expect(entries["plain"]?.size == 3)
        #expect(entries["plain"]?.mode == "0644")
        #expect(entries["inner"]?.type == "dir")
        #expect(entries["inner"]?.mode == "0750")
        #expect(entries["link"]?.isSymlink == true)
        #expect(entries["link"]?.linkTarget == "plain")
        #expect(entries["fifo"]?.type == "special")
        #expect(try tasks.list(FsListTask(path: folder.path, showHidden: true)).total == 5)
    }

    @Test("what is no directory cannot be listed")
    func listErrors() {
        _ = folder.file("plain", "abc")
        symlink(folder.path, folder.file("link"))
        #expect(failure { _ = try tasks.list(FsListTask(path: folder.file("plain"))) } == "path is not a directory")
        #expect(failure { _ = try tasks.list(FsListTask(path: folder.file("link"))) } == "path is not a directory")
        #expect(
            failure { _ = try tasks.list(FsListTask(path: folder.file("no"))) } == "file or directory does not exist")
    }

    @Test("a read gives the asked piece and says whether more remains")
    func read() throws {
        let path = folder.file("data", "0123456789")
        let piece = try tasks.read(FsReadTask(path: path, offset: 2, length: 3))
        #expect(piece.content == "234")
        #expect(piece.size == 3)
        #expect(piece.truncated)
        #expect(piece.encoding == "utf8")
        #expect(piece.sha256 == SHA256Digest.hex(Array("234".utf8)))
        let rest = try tasks.read(FsReadTask(path: path, offset: -5, encoding: "base64"))
        #expect(rest.content == Data("0123456789".utf8).base64EncodedString())
        #expect(!rest.truncated)
        #expect(try tasks.read(FsReadTask(path: path, offset: 100)).size == 0)
        #expect(failure { _ = try tasks.read(FsReadTask(path: path, encoding: "hex")) } == "unknown encoding: hex")
    }

    @Test("at most one MiB is read at once")
    func readCap() throws {
        let path = folder.file("big", String(repeating: "x", count: (1 << 20) + 1))
        let reply = try tasks.read(FsReadTask(path: path, length: 5 << 20))
        #expect(reply.size == 1 << 20)
        #expect(reply.truncated)
    }

    @Test("a write makes the file with its mode, whatever the old file was")
    func write() throws {
        let path = folder.file("new")
        let reply = try tasks.write(FsWriteTask(path: path, content: "héllo", mode: "640"))
        #expect(reply.size == 6)
        #expect(reply.sha256 == SHA256Digest.hex(Array("héllo".utf8)))
        #expect(try FileStatus(path).modeText == "0640")
        _ = try tasks.write(FsWriteTask(path: path, content: "aGk=\n", encoding: "base64"))
        #expect(contents(path) == "hi")
        // Unless told otherwise a file that is replaced keeps its mode.
        #expect(try FileStatus(path).modeText == "0640")
        _ = try tasks.write(FsWriteTask(path: path, content: "x", mode: "0644"))
        #expect(try FileStatus(path).modeText == "0644")
        _ = try tasks.write(FsWriteTask(path: folder.file("other"), content: "x"))
        #expect(try FileStatus(folder.file("other")).modeText == "0644")
        #expect(folder.names == ["new", "other"])
    }

    @Test("a file that is replaced keeps its owner", .enabled(if: geteuid() == 0))
    func owner() throws {
        let path = folder.file("owned", "KEY=1")
        chown(path, 1234, 4321)
        chmod(path, 0o600)
        for mode in ["", "0640"] {
            _ = try tasks.write(FsWriteTask(path: path, content: "KEY=2", mode: mode))
            let status = try FileStatus(path)
            #expect(status.owner == 1234)
            #expect(status.group == 4321)
            #expect(status.modeText == (mode.isEmpty ? "0600" : mode))
        }
        // A link that is replaced has neither.
        symlink(path, folder.file("link"))
        _ = try tasks.write(FsWriteTask(path: folder.file("link"), content: "x"))
        #expect(try FileStatus(folder.file("link")).modeText == "0644")
    }

    @Test("a file that is mounted by itself is written over, and keeps what it is", .enabled(if: geteuid() == 0))
    func mountedFile() throws {
        let (real, seen) = (folder.file("real", "a longer old text"), folder.file("seen", ""))
        guard mount(real, seen, "", UInt(MS_BIND), nil) == 0 else { return }
        defer { umount(seen) }
        chmod(real, 0o600)
        _ = try tasks.write(FsWriteTask(path: seen, content: "new"))
        #expect(contents(real) == "new")
        #expect(contents(seen) == "new")
        #expect(try FileStatus(real).modeText == "0600")
        #expect(folder.names == ["real", "seen"])
        // So is the agent's own configuration.
        try AtomicFile.write(Array("newer".utf8), to: seen, mode: 0o600)
        #expect(contents(real) == "newer")
        #expect(folder.names == ["real", "seen"])
    }

    @Test("a device is never replaced by a file", .enabled(if: geteuid() == 0))
    func device() throws {
        let path = folder.file("null")
        guard mknod(path, S_IFCHR | 0o666, 0x103) == 0 else { return }
        #expect(failure { _ = try tasks.write(FsWriteTask(path: path, content: "x")) } == "path is not a regular file")
        #expect(try FileStatus(path).isDevice)
        #expect(folder.names == ["null"])
    }

    @Test("what the system refuses is said in its words")
    func words() throws {
        let plain = folder.file("plain", "x")
        #expect(failure { _ = try tasks.write(FsWriteTask(path: plain + "/x", content: "x")) } == "not a directory")
        let long = "/" + String(repeating: "b", count: 300)
        #expect(failure { _ = try tasks.read(FsReadTask(path: long)) } == "file name too long")
        mkdir(folder.file("full"), 0o755)
        _ = folder.file("full/inner", "x")
        #expect(failure { _ = try tasks.delete(FsDeleteTask(path: folder.file("full"))) } == "directory not empty")
    }

    @Test("a write makes missing folders when asked")
    func createFolders() throws {
        let path = folder.file("a/b/c.txt")
        #expect(
            failure { _ = try tasks.write(FsWriteTask(path: path, content: "x")) } == "file or directory does not exist"
        )
        _ = try tasks.write(FsWriteTask(path: path, content: "x", createDirs: true))
        #expect(contents(path) == "x")
    }

    @Test("the precondition is checked literally")
    func precondition() throws {
        let path = folder.file("cas", "old")
        let hash = SHA256Digest.hex(Array("old".utf8))
        let write = { (hash: String) in
            _ = try tasks.write(FsWriteTask(path: path, content: "new", ifMatchSHA256: hash))
        }
        #expect(failure { try write(hash.uppercased()) } == "if_match precondition failed: sha256 mismatch")
        #expect(contents(path) == "old")
        #expect(failure { try write(hash) } == nil)
        #expect(contents(path) == "new")
        unlink(path)
        #expect(failure { try write(hash) } == "if_match precondition failed: file does not exist")
        symlink("elsewhere", path)
        #expect(failure { try write(hash) } == "if_match precondition failed: target is not a regular file")
    }

    @Test("what a file of the kernel has without an end is not read for a precondition")
    func endless() throws {
        // It says to be empty and has eight bytes for each page that could be.
        let write = {
            _ = try tasks.write(
                FsWriteTask(path: "/proc/self/pagemap", content: "", ifMatchSHA256: SHA256Digest.hex([])))
        }
        #expect(failure(write) == "if_match precondition failed: sha256 mismatch")
    }

    @Test("of many writers with the same precondition one wins")
    func race() async throws {
        let path = folder.file("raced", "start")
        let hash = SHA256Digest.hex(Array("start".utf8))
        let wins = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<16 {
                group.addTask {
                    let task = FsWriteTask(path: path, content: "writer \(number)", ifMatchSHA256: hash)
                    let reply = await FileTaskRunner.run(.fsWrite, task.jsonText())
                    return reply.map { !$0.data.contains("error") } ?? false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1)
        #expect(folder.names == ["raced"])
    }

    @Test("a failed write leaves the old file and nothing else")
    func atomicity() throws {
        let path = folder.file("kept", "old")
        mkdir(folder.file("busy"), 0o755)
        for (task, text) in [
            (FsWriteTask(path: path, content: "x", mode: "0o644"), "invalid mode: \"0o644\" is no octal number"),
            (FsWriteTask(path: path, content: "%", encoding: "base64"), "invalid base64: illegal data"),
            (FsWriteTask(path: path, content: "x", encoding: "latin"), "unknown encoding: latin"),
            (FsWriteTask(path: folder.file("busy"), content: "x"), "is a directory"),
            (
                FsWriteTask(path: path, content: String(repeating: "x", count: (8 << 20) + 1)),
                "content exceeds max write size"
            ),
            (FsWriteTask(path: "/", content: "x"), "path targets a filesystem root"),
        ] {
            #expect(failure { _ = try tasks.write(task) } == text)
        }
        #expect(contents(path) == "old")
        #expect(folder.names == ["busy", "kept"])
    }

    @Test("deleting: file, link, empty folder, full folder, root")
    func delete() throws {
        let plain = folder.file("plain", "x")
        symlink(plain, folder.file("link"))
        mkdir(folder.file("full"), 0o755)
        _ = folder.file("full/inner", "x")
        mkdir(folder.file("empty"), 0o755)
        symlink(folder.path, folder.file("full/up"))
        #expect(try tasks.delete(FsDeleteTask(path: folder.file("link"))).deletedCount == 1)
        #expect(contents(plain) == "x")
        #expect(try tasks.delete(FsDeleteTask(path: folder.file("empty"))).deletedCount == 1)
        #expect(failure { _ = try tasks.delete(FsDeleteTask(path: folder.file("full"))) } == "directory not empty")
        #expect(try tasks.delete(FsDeleteTask(path: folder.file("full"), recursive: true)).deletedCount == 3)
        #expect(try tasks.delete(FsDeleteTask(path: folder.file("full"), recursive: true)).deletedCount == 0)
        #expect(
            failure { _ = try tasks.delete(FsDeleteTask(path: folder.file("full"))) }
                == "file or directory does not exist")
        #expect(
            failure { _ = try tasks.delete(FsDeleteTask(path: "/tmp/..", recursive: true)) }
                == "refusing to delete root")
        #expect(folder.names == ["plain"])
    }

    @Test("names that are not UTF-8 are listed and removed")
    func rawNames() throws {
        let raw = Array(folder.path.utf8CString.dropLast()) + [0x2F, CChar(bitPattern: 0xFF), 0]
        close(open(raw, O_CREAT | O_WRONLY, 0o600))
        let reply = try tasks.list(FsListTask(path: folder.path))
        #expect(reply.entries.map(\.name) == ["\u{EFFF}"])
        #expect(reply.entries.first?.type == "file")
        #expect(reply.entries.first?.nameBase64 == "/w==")
        // What was listed can be opened, and so can a name that looks like it.
        let twin = folder.file("\u{EFFF}")
        _ = try tasks.write(FsWriteTask(path: twin, content: "bytes"))
        #expect(try tasks.list(FsListTask(path: folder.path)).total == 1)
        #expect(try tasks.read(FsReadTask(path: twin)).content == "bytes")
        close(open(twin, O_CREAT | O_WRONLY, 0o600))
        let names = try tasks.list(FsListTask(path: folder.path)).entries.map(\.name)
        #expect(Set(names) == ["\u{EFFF}", "\u{EFEE}\u{EFBF}\u{EFBF}"])
        for name in names { _ = try tasks.read(FsReadTask(path: folder.file(name))) }
        #expect(try tasks.delete(FsDeleteTask(path: folder.path, recursive: true)).deletedCount == 3)
    }

    @Test("every name is another text, and comes back as it was")
    func pathTexts() {
        let names: [[UInt8]] = [
            [0x61], [0xFF], [0x80, 0x61], [0xC3, 0xA9], [0xC3], [0xED, 0xA0, 0x80], [0xEE, 0xBE, 0x80],
            [0xEE, 0xBF, 0xBF], [0xEF, 0xBF, 0xBD], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x9F, 0x98, 0x80], [0xD6, 0xD0],
            [0xD6, 0xD1], [0xE2, 0x82], [0xC0, 0xAF],
        ]
        var texts: Set<[UInt8]> = []
        for name in names {
            let text = PathText.text(name)
            #expect(PathText.bytes(text) == name)
            #expect(PathText.isPlain(name) == (Array(text.utf8) == name))
            texts.insert(Array(text.utf8))
        }
        #expect(texts.count == names.count)
    }

    @Test("a tree deeper than paths and descriptors is removed")
    func deepTree() async throws {
        let path = folder.file("deep")
        // One descriptor a level would be more than the usual limit of 1,024 allows.
        let descriptors = Mutex(0)
        let watching = FileTasks(isCancelled: {
            descriptors.withLock { $0 = max($0, LinuxSystemReader().names(in: "/proc/self/fd").count) }
            return false
        })
        // On a thread of its own: it must not take one from the tests beside it.
        let deleted = try await WorkerThreads(limit: 1).run {
            mkdir(path, 0o755)
            var raw = open(path, O_RDONLY | O_DIRECTORY)
            for _ in 0..<3000 {
                mkdirat(raw, "d", 0o755)
                close(openat(raw, "f", O_CREAT | O_WRONLY, 0o600))
                let next = openat(raw, "d", O_RDONLY | O_DIRECTORY)
                close(raw)
                raw = next
            }
            close(raw)
            return try watching.delete(FsDeleteTask(path: path, recursive: true)).deletedCount
        }
        #expect(deleted == 6001)
        #expect(descriptors.withLock { $0 } < 1000)
        #expect(folder.names.isEmpty)
    }

    @Test("what is mounted below stays, with the root under another name", .enabled(if: geteuid() == 0))
    func mountBelow() throws {
        mkdir(folder.file("outside"), 0o755)
        _ = folder.file("outside/kept", "x")
        mkdir(folder.file("tree"), 0o755)
        mkdir(folder.file("tree/mounted"), 0o755)
        for source in [folder.file("outside"), "/"] {
            guard mount(source, folder.file("tree/mounted"), "", UInt(MS_BIND), nil) == 0 else { return }
            defer { umount(folder.file("tree/mounted")) }
            #expect(
                failure { _ = try tasks.delete(FsDeleteTask(path: folder.file("tree"), recursive: true)) }
                    == "device or resource busy")
            if source == "/" {
                #expect(try TargetPath(folder.file("tree/mounted")).isRoot)
                #expect(
                    failure { _ = try tasks.delete(FsDeleteTask(path: folder.file("tree/mounted"), recursive: true)) }
                        == "refusing to delete root")
            }
        }
        #expect(contents(folder.file("outside/kept")) == "x")
    }
}
