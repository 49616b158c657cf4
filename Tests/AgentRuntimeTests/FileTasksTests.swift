import AgentLink
import FoundationEssentials
import Glibc
import Secrets
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
        #expect(try TargetPath("/a//b/./c/../d/").text == "/a/b/d")
        #expect(try TargetPath("/..").isRoot)
        #expect(failure { _ = try TargetPath("") } == "path required")
        #expect(failure { _ = try TargetPath("a/b") } == "path must be absolute")
        #expect(failure { _ = try TargetPath("/a\0b") } == "internal agent error")
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
        #expect(reply.total == 4 && entries.count == 4 && !reply.truncated)
        #expect(entries["plain"]?.type == "file" && entries["plain"]?.size == 3 && entries["plain"]?.mode == "0644")
        #expect(entries["inner"]?.type == "dir" && entries["inner"]?.mode == "0750")
        #expect(entries["link"]?.isSymlink == true && entries["link"]?.linkTarget == "plain")
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
        #expect(piece.content == "234" && piece.size == 3 && piece.truncated && piece.encoding == "utf8")
        #expect(piece.sha256 == SHA256Digest.hex(Array("234".utf8)))
        let rest = try tasks.read(FsReadTask(path: path, offset: -5, encoding: "base64"))
        #expect(rest.content == Data("0123456789".utf8).base64EncodedString() && !rest.truncated)
        #expect(try tasks.read(FsReadTask(path: path, offset: 100)).size == 0)
        #expect(failure { _ = try tasks.read(FsReadTask(path: path, encoding: "hex")) } == "unknown encoding: hex")
    }

    @Test("at most one MiB is read at once")
    func readCap() throws {
        let path = folder.file("big", String(repeating: "x", count: (1 << 20) + 1))
        let reply = try tasks.read(FsReadTask(path: path, length: 5 << 20))
        #expect(reply.size == 1 << 20 && reply.truncated)
    }

    @Test("a write makes the file with its mode, whatever the old file was")
    func write() throws {
        let path = folder.file("new")
        let reply = try tasks.write(FsWriteTask(path: path, content: "héllo", mode: "640"))
        #expect(reply.size == 6 && reply.sha256 == SHA256Digest.hex(Array("héllo".utf8)))
        #expect(try FileStatus(path).modeText == "0640")
        _ = try tasks.write(FsWriteTask(path: path, content: "aGk=\n", encoding: "base64"))
        #expect(contents(path) == "hi")
        #expect(try FileStatus(path).modeText == "0644")
        #expect(folder.names == ["new"])
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
            (FsWriteTask(path: folder.file("busy"), content: "x"), "internal agent error"),
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
        #expect(failure { _ = try tasks.delete(FsDeleteTask(path: folder.file("full"))) } == "internal agent error")
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
        #expect(reply.entries.map(\.name) == ["\u{FFFD}"] && reply.entries.first?.type == "file")
        #expect(try tasks.delete(FsDeleteTask(path: folder.path, recursive: true)).deletedCount == 2)
    }
}
