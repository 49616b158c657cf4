import AgentLink
import Glibc
import Logging
import Primitives
import Synchronization
import TestSupport
import Testing
import YAML

@testable import AgentRuntime

/// What happens on machines every day: mounts that hang, environments that are bare, processes that are killed.
@Suite("Ordinary life", .timeLimit(.minutes(5)))
struct OrdinaryLifeTests {
    let folder = TemporaryFolder()

    /// A machine one mount of which hangs until it is told to answer.
    final class HangingReader: SystemReader {
        let mayAnswer = Mutex(true)
        let asked = Mutex(0)
        let architecture = "x86_64"

        func text(_ path: String) -> String? {
            path == "/proc/self/mounts" ? "/dev/a / ext4 rw 0 0\n/dev/b /hangs ext4 rw 0 0\n" : nil
        }
        func names(in directory: String) -> [String] { [] }
        func disk(at path: String) -> DiskSpace? {
            if path == "/hangs" {
                asked.withLock { $0 += 1 }
                while !mayAnswer.withLock({ $0 }) { usleep(5000) }
            }
            return DiskSpace(total: 10, used: path == "/hangs" ? 4 : 1)
        }
    }

    @Test("a mount that hangs holds no report up: its last figures count, and the log names it once")
    func hangingMount() async {
        let reader = HangingReader()
        let log = KeptLog()
        let collector = MetricsCollector(
            reader: reader, logger: log.logger)
        let configuration = AgentConfiguration()
        #expect(collector.state(configuration).diskUsed == 5)
        reader.mayAnswer.withLock { $0 = false }
        let start = ContinuousClock.now
        for _ in 0..<5 { #expect(collector.state(configuration).diskUsed == 5) }
        // Once the patience of one measurement, not five times.
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(reader.asked.withLock { $0 } == 2)
        reader.mayAnswer.withLock { $0 = true }
        // A busy machine may leave another file without its answer for a moment.
        let told = { log.events.filter { "\($0.metadata?["path"] ?? "")" == "/hangs" } }
        #expect(await eventually { told().count == 2 })
        #expect(
            told().map { "\($0.level) \($0.message) \($0.metadata?["path"] ?? "")" } == [
                "warning mount does not answer; its last known figures are reported /hangs",
                "notice mount answers again /hangs",
            ])
        #expect(collector.state(configuration).diskUsed == 5)
        #expect(reader.asked.withLock { $0 } == 3)
    }

    @Test("while nothing can be opened the last figures count: a counter of zero would be another start")
    func shortage() {
        final class Reader: SystemReader {
            let isShort = Mutex(false)
            let architecture = "x86_64"
            var isShortOfDescriptors: Bool { isShort.withLock { $0 } }
            func text(_ path: String) -> String? {
                isShortOfDescriptors || path != "/proc/net/dev" ? nil : "a:\nb:\neth0: 70 0 0 0 0 0 0 0 90 0 0\n"
            }
            func names(in directory: String) -> [String] { isShortOfDescriptors ? [] : ["1", "2"] }
            func disk(at path: String) -> DiskSpace? { isShortOfDescriptors ? nil : DiskSpace(total: 10, used: 4) }
        }
        let reader = Reader()
        let collector = MetricsCollector(reader: reader)
        let configuration = AgentConfiguration()
        let before = collector.state(configuration)
        #expect((before.netInTransfer, before.diskUsed, before.processCount) == (70, 4, 2))
        reader.isShort.withLock { $0 = true }
        let meanwhile = collector.state(configuration)
        #expect((meanwhile.netInTransfer, meanwhile.diskUsed, meanwhile.processCount) == (70, 4, 2))
    }

    @Test("a mount that never answered counts as nothing")
    func neverAnswered() {
        let reader = HangingReader()
        reader.mayAnswer.withLock { $0 = false }
        #expect(MetricsCollector(reader: reader).host(AgentConfiguration()).diskTotal == 10)
        reader.mayAnswer.withLock { $0 = true }
    }

    @Test("somebody else's disk is none of this machine's")
    func networkMounts() {
        let mounts = "gdrive:x /mnt fuse.rclone rw 0 0\nhost:/x /nfs nfs4 rw 0 0\n/dev/a / ext4 rw 0 0\n"
        #expect(MountPoints.disks(mounts: mounts) == ["/"])
    }

    @Test("work that hangs is given up soon after its task was cancelled")
    func hangingWork() async {
        let threads = WorkerThreads(limit: 1)
        let mayEnd = CancellationFlag()
        let task = Task {
            await threads.runUntilCancelled { () -> Int in
                while !mayEnd.isSet { usleep(5000) }
                return 1
            }
        }
        try? await Task.sleep(for: .milliseconds(50))
        let start = ContinuousClock.now
        task.cancel()
        #expect(await task.value == nil)
        #expect(ContinuousClock.now - start < .seconds(20))
        mayEnd.set()
        #expect(await threads.runUntilCancelled { 2 } == 2)
    }

    @Test("a bare environment gets what every program counts on; another stays as it is")
    func environment() {
        let bare = AgentEnvironment.completing(["PATH": ""], home: "/home/x")
        #expect(bare == ["PATH": AgentEnvironment.path, "HOME": "/home/x", "LANG": "C.UTF-8"])
        #expect(AgentEnvironment.completing([:], home: nil)["HOME"] == "/")
        let full = ["PATH": "/bin", "HOME": "/root", "LC_ALL": "C"]
        #expect(AgentEnvironment.completing(full, home: "/x") == full)
    }

    @Test("what a killed process left of its writes is removed, and nothing else")
    func leftovers() throws {
        let journal = folder.file("agent.yml.writes")
        let files = TemporaryFiles()
        files.open(journal: journal)
        let left = folder.file(".mcp-write-0123456789ab", "half")
        let foreign = folder.file("mine", "kept")
        let directory = folder.file(".mcp-write-directory000")
        mkdir(directory, 0o755)
        for path in [left, foreign, directory] { files.add(Array(path.utf8)) }
        // As if it were killed here.
        #expect(TemporaryFiles().open(journal: journal) == 1)
        #expect(folder.names == [".mcp-write-directory000", "mine"])
        files.remove(Array(left.utf8))
        for path in [foreign, directory] { files.remove(Array(path.utf8)) }
        #expect(folder.names == [".mcp-write-directory000", "mine"])
        _ = folder.file("agent.yml.tmp-0123456789", "half")
        _ = folder.file("agent.yml.tmp-not", "kept")
        AtomicFile.sweep(besides: folder.file("agent.yml"))
        #expect(folder.names == [".mcp-write-directory000", "agent.yml.tmp-not", "mine"])
    }

    @Test("settings may be quoted, and begin with a byte order mark")
    func yaml() throws {
        let path = folder.file(
            "agent.yml",
            "\u{FEFF}server: '127.0.0.1:1'\nclient_secret: \"12345\"\ntls: \"true\"\nreport_delay: '2'\n"
                + "uuid: \"\"\n")
        let loaded = try ConfigurationFile(path: path).load(environment: [:])
        #expect(loaded.tls)
        #expect(loaded.reportDelay == 2)
        #expect(loaded.clientSecret == "12345")
        #expect(throws: ConfigurationError.self) {
            try ConfigurationFile(path: folder.file("bad.yml", "report_delay: 'two'\n")).load(environment: [:])
        }
    }

    @Test("a terminal ends with its shell, whatever still holds it open")
    func terminal() async throws {
        let script = folder.file("shell", "#!/bin/sh\n(trap '' HUP; exec sleep 30) &\necho ready\n")
        chmod(script, 0o755)
        let stream = MemoryStream()
        let start = ContinuousClock.now
        try await TerminalSession.run(script, over: stream, environment: ["PATH": "/usr/bin:/bin"])
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(String(decoding: try await stream.next(), as: UTF8.self).contains("ready"))
    }

    @Test("children of ours are left to whoever waits for them")
    func ownChildren() throws {
        var pid: pid_t = 0
        _ = try Children.start { () throws(SystemCallError) in
            let arguments = [strdup("true"), nil]
            defer { free(arguments[0]) }
            posix_spawn(&pid, "/bin/true", nil, nil, arguments, nil)
            return pid
        }
        usleep(200_000)
        // It is an ended child by now, and stays one.
        for _ in 0..<5 { _ = Children.reapOrphan() }
        #expect(waitpid(pid, nil, 0) == pid)
        Children.reaped(pid)
    }
}
