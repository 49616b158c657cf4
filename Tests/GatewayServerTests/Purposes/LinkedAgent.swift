import AgentLink
import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// Whoever calls is server 1.
struct OneServer: AgentAuthority {
    func admit(secret: String, uuid: String, peer: AgentPeer) async throws(AgentRefusal) -> AgentIdentity {
        AgentIdentity(serverID: 1)
    }
}

/// The built `nezha-agent` as a process of its own, connected to the real listener and agent service in this one.
struct LinkedAgent: Sendable {
    let directory: AgentDirectory
    let attachments: Attachments
    let link: any AgentServerLink

    /// Task streams that opened since the start: one, as long as the agent keeps its connection.
    final class Attachments: AgentEventSink {
        private let total = Atomic<Int>(0)

        var count: Int { total.load(ordering: .relaxed) }

        func attached(server id: Int64, epoch: UInt64) { total.add(1, ordering: .relaxed) }
    }

    /// - Parameter settings: lines of YAML besides those that the connection needs.
    static func with(_ settings: String = "", _ body: @escaping @Sendable (LinkedAgent) async throws -> Void)
        async throws
    {
        let attachments = Attachments()
        let directory = AgentDirectory(events: attachments)
        let service = AgentLinkService(directory: directory, authority: OneServer())
        try await RunningGateway.with(services: [service], onShutdown: { directory.shutdown() }) { gateway in
            let folder = try TemporaryFolder()
            let config = try folder.write(
                "server: 127.0.0.1:\(gateway.port)\nclient_secret: s\nreport_delay: 1\n\(settings)\n", to: "agent.yml")
            let process = try AgentProcess(config: config, log: folder.file("agent.log"))
            do {
                let isAttached = await eventually(within: .seconds(30)) { directory.attachedCount == 1 }
                let log = (try? folder.text(of: "agent.log")) ?? ""
                try #require(isAttached, "\(log)")
                let link = try await directory.link(to: 1)
                try await body(LinkedAgent(directory: directory, attachments: attachments, link: link))
            } catch {
                await process.stop()
                throw error
            }
            await process.stop()
        }
    }

    /// Opens a tunnel to a port of this machine.
    func tunnel(to port: Int, attachTimeout: Duration = .seconds(20)) async throws -> any AgentStream {
        try await link.openStream(.nat, userID: 1, attachTimeout: attachTimeout) {
            NATTask(streamID: $0, host: "127.0.0.1:\(port)").jsonText()
        }
    }
}

/// A child process that ends with the test.
private struct AgentProcess {
    let pid: pid_t

    /// The agent as it is shipped, where NEZHA_BIN names its folder (`scripts/test`); else the one beside these tests.
    private static func program() throws -> String {
        if let folder = ProcessInfo.processInfo.environment["NEZHA_BIN"] { return "\(folder)/nezha-agent" }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("nezha-agent").path
    }

    init(config: String, log: String) throws {
        let program = try Self.program()
        try #require(access(program, X_OK) == 0, "\(program) is missing: build it first")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        func list(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }
        let arguments = list([program, "-c", config])
        let environment = list(["PATH=/usr/bin:/bin", "HOME=/tmp", "NZ_RECONNECT_DELAY=1"])
        defer { (arguments + environment).forEach { free($0) } }
        var pid: pid_t = 0
        try #require(posix_spawn(&pid, program, &actions, nil, arguments, environment) == 0)
        self.pid = pid
    }

    func stop() async {
        kill(pid, SIGTERM)
        let ended = await eventually(within: .seconds(15)) { waitpid(pid, nil, WNOHANG) == pid }
        guard !ended else { return }
        kill(pid, SIGKILL)
        _ = await eventually { waitpid(pid, nil, WNOHANG) == pid }
    }
}
