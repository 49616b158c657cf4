import AgentLink
import Glibc
import Primitives
import Secrets
import TestSupport
import Testing

@testable import AgentRuntime

@Suite("Transfers", .timeLimit(.minutes(5)))
struct TransferTests {
    let folder = TemporaryFolder()
    let stream = MemoryStream()

    func start(_ task: FsTransferTask) -> Task<Void, any Error> {
        let session = TransferSession(stream: stream)
        return Task { try await session.run(task) }
    }

    func frame() async throws -> TransferFrame { try TransferFrame(try await stream.next()) }

    @Test("a download is header, chunks and the hash of the bytes")
    func download() async throws {
        let text = String(repeating: "0123456789", count: 150_000)
        let path = folder.file("big", text)
        let run = start(FsTransferTask(streamID: "s", operation: .download, path: path))
        #expect(try await frame() == .downloadBegins(size: 1_500_000))
        var body: [UInt8] = []
        while true {
            let next = try await frame()
            if case .chunk(let piece) = next {
                #expect(piece.count <= 1 << 20)
                body += piece
                continue
            }
            #expect(next == .done(size: 1_500_000, sha256: SHA256Digest.hash(Array(text.utf8))))
            break
        }
        try await run.value
        #expect(body == Array(text.utf8))
    }

    @Test("an empty file has no chunks")
    func emptyDownload() async throws {
        let run = start(FsTransferTask(streamID: "s", operation: .download, path: folder.file("empty", "")))
        #expect(try await frame() == .downloadBegins(size: 0))
        #expect(try await frame() == .done(size: 0, sha256: SHA256Digest.hash([])))
        try await run.value
    }

    @Test(
        "files of the kernel, whose size is not what they hold, are read to the end",
        arguments: [
            "/proc/self/status", "/sys/class/net/lo/mtu",
        ])
    func kernelFiles(path: String) async throws {
        let expected = try FileTasks().read(FsReadTask(path: path)).size
        #expect(expected > 0)
        let run = start(FsTransferTask(streamID: "s", operation: .download, path: path))
        guard case .downloadBegins(let size) = try await frame() else { throw TransferFailure.cutOff }
        guard case .chunk(let piece) = try await frame() else { throw TransferFailure.cutOff }
        // The numbers in it change while it is read.
        #expect(size > 0)
        #expect(piece.count == Int(size))
        #expect(abs(Int64(size) - expected) < 200)
        #expect(try await frame() == .done(size: size, sha256: SHA256Digest.hash(Array(piece))))
        try await run.value
    }

    @Test("an upload lands as a whole, with mode and hash")
    func upload() async throws {
        let path = folder.file("a/b")
        let run = start(
            FsTransferTask(
                streamID: "s", operation: .upload, path: path, size: 6, mode: "0600", createDirs: true,
                expectedSHA256: SHA256Digest.hex(Array("abcdef".utf8))))
        #expect(try await frame() == .uploadReady(size: 6))
        try await stream.toAgent.send(Array("abc".utf8))
        #expect(contents(path) == nil)
        try await stream.toAgent.send(Array("def".utf8))
        #expect(try await frame() == .done(size: 6, sha256: SHA256Digest.hash(Array("abcdef".utf8))))
        try await run.value
        #expect(contents(path) == "abcdef")
        #expect(try FileStatus(path).modeText == "0600")
    }

    @Test("an upload that is synced several times on its way arrives as it was sent")
    func longUpload() async throws {
        let path = folder.file("long", "old")
        let frames = (0..<40).map { [UInt8](repeating: UInt8($0), count: 262_144 - $0) }
        let whole = frames.reduce(into: []) { $0 += $1 }
        let run = start(
            FsTransferTask(streamID: "s", operation: .upload, path: path, size: Int64(whole.count)))
        #expect(try await frame() == .uploadReady(size: UInt64(whole.count)))
        for frame in frames { try await stream.toAgent.send(frame) }
        #expect(try await frame() == .done(size: UInt64(whole.count), sha256: SHA256Digest.hash(whole)))
        try await run.value
        #expect(try AtomicFile.read(path, limit: 1 << 27) == whole)
        #expect(folder.names == ["long"])
    }

    @Test("a sync is due once a step was written, and while one goes on no other is")
    func syncSteps() throws {
        let path = folder.file("steps")
        let sink = try TransferSink.open(
            TargetPath(path), FsTransferTask(streamID: "s", operation: .upload, path: path, size: 1 << 24),
            locks: .shared, isCancelled: { false })
        let step = [UInt8](repeating: 7, count: TransferSink.syncStep)
        #expect(try !sink.write([Array(step.dropLast())]))
        #expect(try sink.write([[7]]))
        #expect(try !sink.write([step]))
        try sink.sync()
        #expect(try sink.write([[7]]))
        try sink.sync()
        #expect(try sink.commit() == SHA256Digest.hash(step + step + [7]))
        #expect(try AtomicFile.read(path, limit: 1 << 24) == step + step + [7])
    }

    @Test("an upload of nothing makes an empty file")
    func emptyUpload() async throws {
        let path = folder.file("empty")
        let run = start(FsTransferTask(streamID: "s", operation: .upload, path: path))
        #expect(try await frame() == .uploadReady(size: 0))
        #expect(try await frame() == .done(size: 0, sha256: SHA256Digest.hash([])))
        try await run.value
        #expect(contents(path) == "")
    }

    @Test("a cut upload leaves the old file and no temporary one")
    func cutUpload() async throws {
        let path = folder.file("kept", "old")
        let run = start(FsTransferTask(streamID: "s", operation: .upload, path: path, size: 1_000_000))
        #expect(try await frame() == .uploadReady(size: 1_000_000))
        try await stream.toAgent.send([UInt8](repeating: 1, count: 400_000))
        stream.toAgent.finish()
        #expect(try await frame() == .error("internal agent error"))
        try await run.value
        #expect(contents(path) == "old")
        #expect(folder.names == ["kept"])
    }

    @Test("a cancelled upload leaves the old file and no temporary one")
    func cancelledUpload() async throws {
        let path = folder.file("kept", "old")
        let run = start(FsTransferTask(streamID: "s", operation: .upload, path: path, size: 1_000_000))
        #expect(try await frame() == .uploadReady(size: 1_000_000))
        try await stream.toAgent.send([UInt8](repeating: 1, count: 400_000))
        run.cancel()
        _ = await run.result
        #expect(await eventually { folder.names == ["kept"] })
        #expect(contents(path) == "old")
    }

    @Test("bytes beyond the announced size fail")
    func overlong() async throws {
        let path = folder.file("kept", "old")
        let run = start(FsTransferTask(streamID: "s", operation: .upload, path: path, size: 2))
        #expect(try await frame() == .uploadReady(size: 2))
        try await stream.toAgent.send(Array("abc".utf8))
        #expect(try await frame() == .error("internal agent error"))
        try await run.value
        #expect(contents(path) == "old")
        #expect(folder.names == ["kept"])
    }

    @Test("a precondition that no longer holds at the end fails the upload")
    func lateConflict() async throws {
        let path = folder.file("cas", "old")
        let hash = SHA256Digest.hex(Array("old".utf8))
        let run = start(
            FsTransferTask(streamID: "s", operation: .upload, path: path, size: 1, ifMatchSHA256: hash))
        #expect(try await frame() == .uploadReady(size: 1))
        _ = folder.file("cas", "changed")
        try await stream.toAgent.send([1])
        #expect(try await frame() == .error("if_match precondition failed: sha256 mismatch"))
        try await run.value
        #expect(contents(path) == "changed")
        #expect(folder.names == ["cas"])
    }

    @Test("refusals come as one error frame")
    func refusals() async throws {
        mkfifo(folder.file("fifo"), 0o600)
        let cases: [(FsTransferTask, String)] = [
            (FsTransferTask(streamID: "s", operation: .download, path: "x"), "invalid path: path must be absolute"),
            (
                FsTransferTask(streamID: "s", operation: .download, path: folder.file("no")),
                "file or directory does not exist"
            ),
            (
                FsTransferTask(streamID: "s", operation: .download, path: folder.file("fifo")),
                "path is not a regular file"
            ),
            (
                FsTransferTask(streamID: "s", operation: .upload, path: folder.file("f"), size: -1),
                "size out of range: must be 0..100MiB"
            ),
            (
                FsTransferTask(streamID: "s", operation: .upload, path: folder.file("f"), size: 104_857_601),
                "size out of range: must be 0..100MiB"
            ),
            (FsTransferTask(streamID: "s", operation: .upload, path: "/"), "path targets a filesystem root"),
            (
                FsTransferTask(streamID: "s", operation: .upload, path: folder.file("fifo"), ifMatchSHA256: "00"),
                "if_match precondition failed: target is not a regular file"
            ),
        ]
        for (task, text) in cases {
            let run = start(task)
            #expect(try await frame() == .error(text))
            try await run.value
        }
        var odd = FsTransferTask(streamID: "s", operation: .upload, path: "/tmp/x")
        odd.op = "move"
        let run = start(odd)
        #expect(try await frame() == .error("unknown op: move"))
        try await run.value
    }

    @Test("a wrong hash is told and nothing is written")
    func wrongHash() async throws {
        let path = folder.file("f")
        let run = start(
            FsTransferTask(
                streamID: "s", operation: .upload, path: path, size: 1,
                expectedSHA256: String(repeating: "0", count: 64)))
        #expect(try await frame() == .uploadReady(size: 1))
        try await stream.toAgent.send([1])
        #expect(try await frame() == .error("sha256 mismatch"))
        try await run.value
        #expect(folder.names.isEmpty)
    }
}
