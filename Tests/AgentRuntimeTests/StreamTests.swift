import AgentLink
import FoundationEssentials
import Glibc
import TestSupport
import Testing
import Transport

@testable import AgentRuntime

@Suite("Terminal", .timeLimit(.minutes(5)))
struct TerminalTests {
    let stream = MemoryStream()
    let environment = ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "NZ_CLIENT_SECRET": "canary"]

    func output(until mark: String) async throws -> String {
        var text = ""
        while !text.contains(mark) {
            let frame = try await stream.next()
            if frame.isEmpty { break }
            text += String(decoding: frame, as: UTF8.self)
        }
        return text
    }

    @Test("input is echoed, commands run, the size follows, and the shell's end ends the session")
    func session() async throws {
        let (stream, environment) = (stream, environment)
        let run = Task { try await TerminalSession.run("/bin/sh", over: stream, environment: environment) }
        try await stream.toAgent.send(TerminalFrame.input(Array("stty size; tty; echo d'o'ne\n".utf8)).bytes)
        let first = try await output(until: "done")
        #expect(first.contains("24 80"))
        #expect(first.contains("/dev/pts/"))
        let size = try #require(TerminalSize(columns: 132, rows: 50))
        try await stream.toAgent.send(TerminalFrame.resize(size).bytes)
        try await stream.toAgent.send(
            TerminalFrame.input(Array("stty size; echo \"[$NZ_CLIENT_SECRET]\"\n".utf8)).bytes)
        let second = try await output(until: "[]")
        #expect(second.contains("50 132"))
        #expect(!second.contains("canary"))
        try await stream.toAgent.send(TerminalFrame.input(Array("exit\n".utf8)).bytes)
        try await withDeadline(.seconds(10)) { try await run.value }
    }

    @Test("the end of the stream ends the shell and what it runs")
    func streamEnd() async throws {
        let (stream, environment) = (stream, environment)
        let run = Task { try await TerminalSession.run("/bin/sh", over: stream, environment: environment) }
        try await stream.toAgent.send(TerminalFrame.input(Array("echo p=$$=; sleep 100\n".utf8)).bytes)
        // The terminal's echo of the input may come before the prompt or after it; in neither does a line end with this.
        let text = try await output(until: "=\r\n")
        let pid = try #require(text.split(separator: "=").compactMap { pid_t($0) }.first)
        stream.toAgent.finish()
        try await withDeadline(.seconds(10)) { try await run.value }
        #expect(await eventually { !isRunning(pid) })
    }
}

@Suite("File manager", .timeLimit(.minutes(5)))
struct FileManagerTests {
    let folder = TemporaryFolder()
    let stream = MemoryStream()

    func start() -> Task<Void, any Error> {
        let session = FileManagerSession(stream: stream, home: folder.path)
        return Task { try await session.run() }
    }

    func ask(_ command: FileManagerCommand) async throws -> FileManagerReply? {
        try await stream.toAgent.send(command.bytes)
        return try FileManagerReply(try await stream.next())
    }

    @Test("a listing is sorted; a folder that cannot be read gives the home")
    func list() async throws {
        _ = folder.file("a", "x")
        mkdir(folder.file("d"), 0o755)
        symlink("d", folder.file("l"))
        let run = start()
        let entries = [("a", false), ("d", true), ("l", false)].map {
            FileManagerReply.Entry(isDirectory: $0.1, name: $0.0)
        }
        #expect(try await ask(.list(path: folder.path)) == .listing(path: folder.path, entries: entries))
        #expect(try await ask(.list(path: "/no/such")) == .listing(path: folder.path + "/", entries: entries))
        stream.toAgent.finish()
        try await run.value
    }

    @Test("names and paths that are no UTF-8 are listed and opened as they are")
    func rawNames() async throws {
        let path = Array(folder.path.utf8) + [0x2F, 0xD6, 0xD0]
        close(Glibc.open(path.map { CChar(bitPattern: $0) } + [0], O_CREAT | O_WRONLY, 0o600))
        let run = start()
        #expect(
            try await ask(.list(path: folder.path))
                == .listing(path: folder.path, entries: [.init(isDirectory: false, name: [0xD6, 0xD0])]))
        try await stream.toAgent.send(FileManagerCommand.upload(size: 2, path: path).bytes)
        try await stream.toAgent.send(Array("ab".utf8))
        #expect(try FileManagerReply(try await stream.next()) == .uploaded)
        #expect(try await ask(.download(path: path)) == .download(size: 2))
        #expect(try await stream.next() == Array("ab".utf8))
        stream.toAgent.finish()
        try await run.value
    }

    @Test("download, upload, errors and what is no command")
    func transfer() async throws {
        let run = start()
        #expect(try await ask(.download(path: folder.file("f", "hello"))) == .download(size: 5))
        #expect(try await stream.next() == Array("hello".utf8))
        #expect(try await ask(.download(path: folder.file("e", ""))) == .error("requested file is empty"))
        #expect(try await ask(.download(path: folder.file("no"))) == .error("no such file or directory"))
        // A file of the kernel says that it is empty, and is not.
        guard case .download(let size) = try await ask(.download(path: "/proc/self/status")) else {
            throw TransferFailure.cutOff
        }
        #expect(size > 100)
        #expect(try await stream.next().count == Int(size))
        mkfifo(folder.file("fifo"), 0o600)
        #expect(try await ask(.download(path: folder.file("fifo"))) == .error("invalid argument"))
        try await stream.toAgent.send(FileManagerCommand.upload(size: 4, path: folder.file("up")).bytes)
        try await stream.toAgent.send(Array("ab".utf8))
        try await stream.toAgent.send(Array("cd".utf8))
        #expect(try FileManagerReply(try await stream.next()) == .uploaded)
        #expect(contents(folder.file("up")) == "abcd")
        try await stream.toAgent.send([2, 0])
        #expect(try FileManagerReply(try await stream.next()) == .error("data is invalid"))
        // A failed upload's data is dropped, not read as commands.
        try await stream.toAgent.send(FileManagerCommand.upload(size: 2, path: "/no/such/file").bytes)
        #expect(try FileManagerReply(try await stream.next()) == .error("no such file or directory"))
        try await stream.toAgent.send([2, 0])
        #expect(try await ask(.upload(size: 0, path: folder.file("zero"))) == .uploaded)
        stream.toAgent.finish()
        try await run.value
    }
}

@Suite("NAT", .timeLimit(.minutes(5)))
struct NATTests {
    /// A service that echoes until the peer sends a `q`, then closes.
    func withEcho(_ body: (Int) async throws -> Void) async throws {
        try await LocalService.with(
            { stream in
                while let bytes = try await stream.receive() {
                    try await stream.send(bytes)
                    if bytes.last == UInt8(ascii: "q") { return }
                }
            }, body)
    }

    @Test("bytes pass both ways, and the service's end half-closes the stream")
    func relay() async throws {
        let stream = MemoryStream()
        try await withEcho { port in
            let run = Task { try await NATSession.run(to: "127.0.0.1:\(port)", over: stream) }
            try await stream.toAgent.send(Array("hello".utf8))
            #expect(try await stream.next() == Array("hello".utf8))
            try await stream.toAgent.send(Array("byeq".utf8))
            #expect(try await stream.next() == Array("byeq".utf8))
            #expect(try await withDeadline(.seconds(5)) { try await stream.fromAgent.next() } == nil)
            stream.toAgent.finish()
            try await withDeadline(.seconds(5)) { try await run.value }
        }
    }

    @Test("an address that nobody listens on fails at once")
    func refused() async throws {
        await #expect(throws: (any Error).self) {
            try await withDeadline(.seconds(5)) { try await NATSession.run(to: "127.0.0.1:1", over: MemoryStream()) }
        }
    }
}
