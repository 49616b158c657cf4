import AgentLink
import FoundationEssentials
import Glibc
import Primitives
import Synchronization

@testable import AgentRuntime

/// A folder that goes with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/agent-test-" + UUID().uuidString
        mkdir(path, 0o700)
    }

    deinit {
        _ = try? DirectoryRemoval.remove(Array(path.utf8CString), isCancelled: { false })
    }

    func file(_ name: String, _ text: String? = nil) -> String {
        let full = "\(path)/\(name)"
        if let text { try? AtomicFile.write(Array(text.utf8), to: full, mode: 0o644) }
        return full
    }

    var names: [String] {
        LinuxSystemReader().names(in: path).sorted()
    }
}

func contents(_ path: String) -> String? {
    (try? AtomicFile.read(path, limit: 1 << 27)).map { String(decoding: $0, as: UTF8.self) }
}

/// Whether a process with this number runs; one that waits to be reaped by somebody else does not.
func isRunning(_ pid: pid_t) -> Bool {
    guard let stat = contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
    return !stat[end...].dropFirst(2).hasPrefix("Z")
}

/// Files and folders of an invented machine.
struct FakeReader: SystemReader {
    var files: [String: String] = [:]
    var disks: [String: DiskSpace] = [:]
    var architecture = "x86_64"
    var isShortOfDescriptors = false

    func text(_ path: String) -> String? { files[path] }

    func names(in directory: String) -> [String] {
        let prefix = directory + "/"
        let names = files.keys.filter { $0.hasPrefix(prefix) }.map { key in
            String(key.dropFirst(prefix.count).prefix { $0 != "/" })
        }
        return Array(Set(names))
    }

    func disk(at path: String) -> DiskSpace? { disks[path] }
}

/// Both ends of a stream in memory: the agent's code has the stream, the test plays the gateway.
struct MemoryStream: FrameStream {
    let toAgent = BoundedMailbox<[UInt8]>(maxCount: 1024)
    let fromAgent = BoundedMailbox<[UInt8]>(maxCount: 1024)

    func receive() async throws -> [UInt8]? { try await toAgent.next() }
    func send(_ frame: [UInt8]) async throws { try await fromAgent.send(frame) }
    func finish() { fromAgent.finish() }

    /// The next frame that the agent sent.
    func next() async throws -> [UInt8] {
        try await withDeadline(.seconds(10)) { try await fromAgent.next() ?? [] }
    }
}

extension AgentTaskResult {
    var data: String { reply.data }
    var successful: Bool { reply.successful }
}

extension FileManagerCommand {
    static func list(path: String) -> Self { .list(path: Array(path.utf8)) }
    static func download(path: String) -> Self { .download(path: Array(path.utf8)) }
    static func upload(size: UInt64, path: String) -> Self { .upload(size: size, path: Array(path.utf8)) }
}

extension FileManagerReply {
    static func listing(path: String, entries: [Entry]) -> Self { .listing(path: Array(path.utf8), entries: entries) }
}
