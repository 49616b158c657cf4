import AgentLink
import Glibc
import Primitives
import TestSupport
import Testing

@testable import AgentRuntime

@Suite("Exec")
struct ExecTests {
    let environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root", "NZ_CLIENT_SECRET": "canary"]

    func run(_ task: ExecTask) async throws -> ExecReply {
        try #require(await ExecTaskRunner.run(task, environment: environment))
    }

    func shell(_ script: String, timeout: UInt32 = 20) async throws -> ExecReply {
        try await run(ExecTask(cmd: "sh", args: ["-c", script], timeoutSeconds: timeout))
    }

    @Test("exit code and both outputs come back")
    func outputs() async throws {
        let reply = try await shell("echo out; echo err >&2; exit 3")
        #expect(reply.exitCode == 3)
        #expect(reply.stdout == "out\n")
        #expect(reply.stderr == "err\n")
        #expect(reply.error.isEmpty)
        #expect(!reply.timedOut)
        #expect(!reply.stdoutTruncated)
    }

    @Test("a quick program does not wait for the drain grace")
    func quick() async throws {
        let start = ContinuousClock.now
        for _ in 0..<40 { _ = try await run(ExecTask(cmd: "true")) }
        // With the grace of half a second each it would be twenty.
        #expect(ContinuousClock.now - start < .seconds(15))
    }

    @Test("a signal gives exit code -1")
    func signalled() async throws {
        #expect(try await shell("kill -9 $$").exitCode == -1)
    }

    @Test("a time-out kills the whole process tree")
    func timeoutKillsTree() async throws {
        let start = ContinuousClock.now
        let reply = try await shell("echo $$; sleep 100 & echo $!; sleep 100", timeout: 3)
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(reply.timedOut)
        #expect(reply.exitCode == -1)
        #expect(reply.error.isEmpty)
        let pids = reply.stdout.split(separator: "\n").compactMap { pid_t($0) }
        #expect(pids.count == 2)
        #expect(await eventually { pids.allSatisfy { !isRunning($0) } })
    }

    @Test("children left behind by a normal end are killed")
    func leftovers() async throws {
        let reply = try await shell("sleep 100 >/dev/null 2>&1 & echo $!")
        let pid = try #require(pid_t(reply.stdout.dropLast()))
        #expect(reply.exitCode == 0)
        #expect(await eventually { !isRunning(pid) })
    }

    @Test("a process of its own session that holds the output costs half a second, no more")
    func escapedWriter() async throws {
        let folder = TemporaryFolder()
        let mark = folder.file("mark")
        let start = ContinuousClock.now
        let escapee = "setsid sh -c 'echo $$; : >\(mark); exec sleep 60'"
        let reply = try await shell("echo before; \(escapee) & while [ ! -e \(mark) ]; do sleep 0.01; done")
        let elapsed = ContinuousClock.now - start
        #expect(reply.exitCode == 0)
        #expect(elapsed > .milliseconds(400))
        #expect(elapsed < .seconds(30))
        let pid = try #require(reply.stdout.split(separator: "\n").last.flatMap { pid_t($0) })
        #expect(reply.stdout.hasPrefix("before\n"))
        // It made its own session, so it survives by contract; the test takes it away.
        #expect(isRunning(pid))
        kill(pid, SIGKILL)
        withExtendedLifetime(folder) {}
    }

    @Test("each output is cut at the cap, and says so", arguments: [(3, "abc", true), (6, "abcdef", false)])
    func truncation(limit: UInt32, text: String, isCut: Bool) async throws {
        let reply = try await run(
            ExecTask(cmd: "sh", args: ["-c", "printf abcdef; printf x >&2"], maxOutputBytes: limit))
        #expect(reply.stdout == text)
        #expect(reply.stdoutTruncated == isCut)
        #expect(reply.stderr == "x")
        #expect(!reply.stderrTruncated)
    }

    @Test("output beyond the cap does not hold the program back")
    func muchOutput() async throws {
        let reply = try await run(ExecTask(cmd: "head", args: ["-c", "5000000", "/dev/zero"], maxOutputBytes: 10))
        #expect(reply.exitCode == 0)
        #expect(reply.stdoutTruncated)
    }

    @Test("standard input is given, and is the null device when empty")
    func stdin() async throws {
        let text = String(repeating: "line\n", count: 50_000)
        let reply = try await run(ExecTask(cmd: "wc", args: ["-c"], stdin: text))
        #expect(reply.stdout == "250000\n")
        #expect(try await run(ExecTask(cmd: "cat")).stdout.isEmpty)
    }

    @Test("a program that does not read its input ends normally")
    func unreadInput() async throws {
        let reply = try await run(ExecTask(cmd: "true", stdin: String(repeating: "x", count: 1 << 20)))
        #expect(reply.exitCode == 0)
        #expect(reply.error.isEmpty)
    }

    @Test("the environment is the allowed part of the agent's own, and what was asked for")
    func environmentList() async throws {
        let reply = try await run(ExecTask(cmd: "env", env: ["EXTRA": "1", "HOME": "/tmp"]))
        let lines = Set(reply.stdout.split(separator: "\n").map(String.init))
        #expect(lines == ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "EXTRA=1"])
    }

    @Test("texts of what cannot start")
    func startErrors() async throws {
        let folder = TemporaryFolder()
        let plain = folder.file("plain", "#!/bin/sh\n")
        let cases: [(ExecTask, String, Int)] = [
            (ExecTask(cmd: " \t"), "cmd required", 0),
            (ExecTask(cmd: "no-such-program-here"), "executable file not found", -1),
            (ExecTask(cmd: "/no/such/program"), "command or working directory not found", -1),
            (ExecTask(cmd: "true", cwd: "/no/such/folder"), "command or working directory not found", -1),
            (ExecTask(cmd: plain), "permission denied", -1),
            (
                ExecTask(cmd: "echo", args: ["a\0b"]),
                "arguments, environment and working directory must not contain a zero byte", -1
            ),
            (ExecTask(cmd: "echo\0"), "executable file not found", -1),
            (ExecTask(cmd: "true", args: [String(repeating: "a", count: 140_000)]), "argument list too long", -1),
            (ExecTask(cmd: "/" + String(repeating: "a", count: 300)), "file name too long", -1),
        ]
        for (task, text, code) in cases {
            let reply = try await run(task)
            #expect(reply.error == text)
            #expect(reply.exitCode == code)
        }
    }

    @Test("the working folder is used")
    func workingFolder() async throws {
        #expect(try await run(ExecTask(cmd: "pwd", cwd: "/usr")).stdout == "/usr\n")
    }

    @Test("bytes that are not UTF-8 become U+FFFD")
    func invalidText() async throws {
        #expect(try await shell(#"printf 'a\377b'"#).stdout == "a\u{FFFD}b")
    }

    @Test("a malformed request is plain text")
    func malformed() async throws {
        for json in [#"{"cmd":1}"#, #"{"cmd":"ls","timeout_seconds":-1}"#, "[]", ""] {
            let reply = try #require(await ExecTaskRunner.run(json, environment: environment))
            #expect(!reply.successful)
            #expect(reply.data.hasPrefix("invalid exec request: "))
        }
    }

    @Test("cancellation kills the group at once and gives no answer")
    func cancellation() async throws {
        // A machine that stands still meanwhile says nothing of us: one of three times has to be quick.
        var took = Duration.seconds(100)
        for _ in 0..<3 where took >= .seconds(2) {
            let folder = TemporaryFolder()
            let mark = folder.file("pid")
            let script = "sleep 100 & echo $! > \(mark).tmp; mv \(mark).tmp \(mark); sleep 100"
            let task = Task {
                await ExecTaskRunner.run(ExecTask(cmd: "sh", args: ["-c", script]), environment: environment)
            }
            #expect(await eventually { contents(mark) != nil })
            let pid = try #require(contents(mark).flatMap { pid_t($0.dropLast()) })
            let start = ContinuousClock.now
            task.cancel()
            #expect(await task.value == nil)
            took = ContinuousClock.now - start
            #expect(await eventually { !isRunning(pid) })
            withExtendedLifetime(folder) {}
        }
        #expect(took < .seconds(2))
    }

    @Test("no descriptor and no zombie is left behind")
    func leaks() async throws {
        let reader = LinuxSystemReader()
        _ = try await run(ExecTask(cmd: "true", stdin: "x"))
        let me = getpid()
        for _ in 0..<30 { _ = try await run(ExecTask(cmd: "true", stdin: "x")) }
        // Other tests run beside this one, so a bound, not equality.
        #expect(await eventually { reader.names(in: "/proc/self/fd").count < 200 })
        let zombies = {
            reader.names(in: "/proc").filter { pid in
                let stat = contents("/proc/\(pid)/stat") ?? ""
                return stat.contains(") Z \(me) ") && stat.contains("(true)")
            }.count
        }
        #expect(await eventually { zombies() <= 1 })
    }

    @Test("more programs at once than there are slots are refused in words, and a slot is free again afterwards")
    func slots() async throws {
        let slots = ProcessSlots(limit: 1)
        let quick = ProcessRequest(
            executable: "/bin/true", arguments: ["true"], environment: [:], outputLimit: 1, timeout: .seconds(20))
        #expect(try await ProcessRunner.run(quick, slots: slots).end == .exited(code: 0))
        try slots.enter()
        await #expect(throws: ProcessStartError.tooMany) { try await ProcessRunner.run(quick, slots: slots) }
        #expect(ProcessStartError.tooMany.text == "too many commands at once")
        slots.leave()
        #expect(try await ProcessRunner.run(quick, slots: slots).end == .exited(code: 0))
    }

    @Test("slots follow from descriptors", arguments: [(64, 1), (1024, 97), (1_048_576, 256), (0, 1)])
    func slotLimit(descriptors: Int, slots: Int) {
        #expect(ProcessSlots.limit(descriptors: descriptors) == slots)
    }

    @Test("what is scarce is told apart from what is wrong")
    func scarceness() {
        for code in [EMFILE, ENFILE, EAGAIN] {
            #expect(ProcessStartError(SystemCallError(code: code)) == .tooMany)
        }
        #expect(ProcessStartError(SystemCallError(code: ENOMEM)).text == "cannot allocate memory")
    }
}
