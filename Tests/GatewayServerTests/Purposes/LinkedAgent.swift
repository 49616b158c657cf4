import AgentLink
import Foundation
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GatewayServer

/// The built `nezha-agent` as a process of its own, connected to the real listener and agent service in this one.
struct LinkedAgent: Sendable {
    let directory: AgentDirectory
    let attachments: Attachments
    let link: any AgentServerLink

    /// Whoever calls is server 1.
    private struct OneServer: AgentAuthority {
        func admit(secret: String, uuid: String, peer: AgentPeer) async throws(AgentRefusal) -> AgentIdentity {
            AgentIdentity(serverID: 1)
        }
    }

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

    init(config: String, log: String) throws {
        let program = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            .deletingLastPathComponent().appendingPathComponent("nezha-agent").path
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

/// A TCP service of this machine, for the time of a test.
enum LocalService {
    typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>
    typealias Input = NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    typealias Serve = @Sendable (inout Input, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> Void

    /// When `serve` returns, the connection is closed after the last byte was taken; when it throws, at once.
    static func with(
        _ serve: @escaping Serve, _ body: @escaping @Sendable (_ port: Int) async throws -> Void
    ) async throws {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Connection(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        let port = try #require(server.channel.localAddress?.port)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.executeThenClose { connections in
                    await withTaskGroup(of: Void.self) { serving in
                        do {
                            for try await connection in connections {
                                serving.addTask { try? await Self.run(serve, on: connection) }
                            }
                        } catch {}
                        serving.cancelAll()
                    }
                }
            }
            do { try await body(port) } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    private static func run(_ serve: Serve, on connection: Connection) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var input = inbound.makeAsyncIterator()
            try await serve(&input, outbound)
            outbound.finish()
            // Closing drops what is still to be sent, so the peer's end is waited for.
            while try await input.next() != nil {}
        }
    }
}
