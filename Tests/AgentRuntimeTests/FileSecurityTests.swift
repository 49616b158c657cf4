import AgentLink
import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import AgentRuntime

/// `security.md`: Symlink swaps and FIFOs on the agent.
@Suite("Symlink swaps and FIFOs on the agent", .timeLimit(.minutes(5)))
struct FileSecurityTests {
    let folder = TemporaryFolder()
    let tasks = FileTasks()

    @Test(
        "Symlink swaps and FIFOs on the agent: a FIFO never blocks",
        arguments: [AgentTaskType.fsRead, .fsWrite, .fsList])
    func fifo(type: AgentTaskType) async throws {
        let path = folder.file("fifo")
        mkfifo(path, 0o600)
        let json = #"{"path":"\#(path)","content":"x","if_match_sha256":"00"}"#
        let reply = try await withDeadline(.seconds(5)) { await FileTaskRunner.run(type, json) }
        #expect(reply?.data.contains(#""error":""#) == true)
    }

    @Test(
        "Symlink swaps and FIFOs on the agent: devices and links are not read",
        arguments: ["/dev/zero", "/dev/tty", "/dev/null"])
    func devices(path: String) {
        #expect(throws: FileTaskError.notRegularFile) { try tasks.read(FsReadTask(path: path)) }
        symlink("/etc/passwd", folder.file("link"))
        #expect(throws: FileTaskError.notRegularFile) { try tasks.read(FsReadTask(path: folder.file("link"))) }
    }

    @Test("Symlink swaps and FIFOs on the agent: files of /proc are read as far as they go")
    func procFiles() throws {
        let whole = try tasks.read(FsReadTask(path: "/proc/self/status"))
        #expect(whole.size > 100)
        #expect(!whole.truncated)
        let piece = try tasks.read(FsReadTask(path: "/proc/self/status", length: 4))
        #expect(piece.content == "Name")
        #expect(piece.truncated)
        #expect(throws: FileTaskError.notRegularFile) { try tasks.read(FsReadTask(path: "/proc/self/exe")) }
    }

    @Test("Symlink swaps and FIFOs on the agent: a write replaces a link and never what it points to")
    func writeOverLink() throws {
        let secret = folder.file("secret", "untouched")
        let path = folder.file("link")
        symlink(secret, path)
        _ = try tasks.write(FsWriteTask(path: path, content: "new"))
        #expect(contents(secret) == "untouched")
        #expect(try FileStatus(path).kind == .file)
    }

    @Test("Symlink swaps and FIFOs on the agent: a name that flips between file, link and FIFO is never followed")
    func swaps() async throws {
        let secret = folder.file("secret", "canary")
        let path = folder.file("flip", "plain")
        let stop = CancellationFlag()
        let flipper = Task {
            await WorkerThreads.files.run {
                let other = path + ".next"
                while !stop.isSet {
                    for kind in 0..<3 {
                        switch kind {
                        case 0: symlink(secret, other)
                        case 1: mkfifo(other, 0o600)
                        default: close(open(other, O_CREAT | O_WRONLY, 0o600))
                        }
                        rename(other, path)
                    }
                }
            }
        }
        // On a thread of its own: it must not take one from the tests beside it.
        let tasks = self.tasks
        let betrayals = await WorkerThreads(limit: 1).run {
            (0..<3000).count { _ in (try? tasks.read(FsReadTask(path: path)))?.content == "canary" }
        }
        #expect(betrayals == 0)
        stop.set()
        await flipper.value
        #expect(contents(secret) == "canary")
    }

    @Test(
        "Symlink swaps and FIFOs on the agent: what is swapped in after the first look is refused",
        arguments: ["link", "fifo", "device", "folder"])
    func swapAfterLook(kind: String) {
        let path = folder.file("file", "plain")
        let secret = folder.file("secret", "canary")
        #expect(throws: FileTaskError.notRegularFile) {
            _ = try SafeOpen.regularFile(Array(path.utf8CString)) {
                unlink(path)
                switch kind {
                case "link": symlink(secret, path)
                case "fifo": mkfifo(path, 0o600)
                case "device": symlink("/dev/zero", path)
                default: mkdir(path, 0o755)
                }
            }
        }
    }

    @Test("Symlink swaps and FIFOs on the agent: a folder swapped for a link does not redirect a write in progress")
    func folderSwap() throws {
        mkdir(folder.file("work"), 0o755)
        mkdir(folder.file("victim"), 0o755)
        let replacement = try AtomicReplacement.begin(
            of: TargetPath(folder.file("work/file")), createDirectories: false)
        rename(folder.file("work"), folder.file("moved"))
        symlink(folder.file("victim"), folder.file("work"))
        try replacement.write(Array("x".utf8))
        try replacement.commit(mode: 0o644)
        #expect(LinuxSystemReader().names(in: folder.file("victim")).isEmpty)
        #expect(contents(folder.file("moved/file")) == "x")
    }

    @Test("Symlink swaps and FIFOs on the agent: recursive removal removes links, not what they point to")
    func removal() throws {
        mkdir(folder.file("outside"), 0o755)
        _ = folder.file("outside/kept", "x")
        mkdir(folder.file("tree"), 0o755)
        symlink(folder.file("outside"), folder.file("tree/link"))
        #expect(try tasks.delete(FsDeleteTask(path: folder.file("tree"), recursive: true)).deletedCount == 2)
        #expect(contents(folder.file("outside/kept")) == "x")
    }
}
