import FoundationEssentials
import GRPC
import Glibc
import HTTP
import Synchronization
import TestSupport
import Testing
import Transport

@testable import AgentLink
@testable import AgentRuntime

/// A gateway as far as an agent can tell.
final class FakeGateway: GRPCService {
    struct Seen: Sendable {
        var hosts = 0
        var states = 0
        var addresses = 0
        var metadata: [String: String] = [:]
        var halfCloses: [String] = []
    }

    /// The task stream of one connection.
    final class Tasks: Sendable {
        private let call: LoopBound<GRPCServerCall>

        init(_ call: GRPCServerCall, on loop: isolated EventLoop) {
            self.call = LoopBound(call, on: loop)
        }

        func send(_ task: AgentTask) async {
            await call.loop.run { [call] loop in call.get(on: loop).send(task.protobuf(), on: loop) }
        }

        /// Ends the agent's connection.
        func finish() async {
            await call.loop.run { [call] loop in call.get(on: loop).finish(.ok, on: loop) }
        }
    }

    let seen = Lock(Seen())
    let results = BoundedMailbox<AgentTaskResult>(maxCount: 64)
    let frames = BoundedMailbox<[UInt8]>(maxCount: 64)
    /// Of the connection of the moment.
    let tasks = Lock<Tasks?>(nil)

    func handler(for call: GRPCServerCall, on loop: isolated EventLoop) -> (any GRPCServerHandler)? {
        call.credentialShown(of: .agent(1), on: loop)
        switch NezhaMethod.allCases.first(where: { $0.path == call.path }) {
        case .reportSystemInfo2:
            seen.withLock { seen in
                seen.hosts += 1
                for field in call.metadata { seen.metadata[field.name.canonicalName] = field.value }
            }
            return GRPCUnaryHandler { _ in StartReceipt(startedAt: 1_700_000_000).protobuf() }
        case .reportGeoIP:
            seen.withLock { $0.addresses += 1 }
            return GRPCUnaryHandler { $0 }
        case .reportSystemState:
            return Stream("state", self) { gateway, _, call, loop in
                gateway.seen.withLock { $0.states += 1 }
                call.send(Receipt(isProcessed: false).protobuf(), on: loop)
            }
        case .requestTask:
            if let name = HTTPField.Name(AgentExtensions.metadataKey) {
                call.sendInitialMetadata([name: "cancel"], on: loop)
            }
            let tasks = Tasks(call, on: loop)
            self.tasks.withLock { $0 = tasks }
            return Stream("tasks", self) { gateway, message, _, _ in
                if let result = try? AgentTaskResult(protobuf: message) { #expect(gateway.results.offer(result)) }
            }
        case .ioStream:
            return Stream("io", self) { gateway, message, _, _ in
                if let frame = try? IOStreamFrame(protobuf: message).frame { #expect(gateway.frames.offer(frame)) }
            }
        case .reportSystemInfo, nil: return nil
        }
    }

    /// A call that ends when the agent ends it.
    private final class Stream: GRPCServerHandler {
        typealias Receive = (FakeGateway, [UInt8], GRPCServerCall, isolated EventLoop) -> Void

        private let name: String
        private let gateway: FakeGateway
        private let receive: Receive

        init(_ name: String, _ gateway: FakeGateway, _ receive: @escaping Receive) {
            self.name = name
            self.gateway = gateway
            self.receive = receive
        }

        func received(_ message: [UInt8], in call: GRPCServerCall, on loop: isolated EventLoop) {
            receive(gateway, message, call, loop)
        }

        func receivedEnd(in call: GRPCServerCall, on loop: isolated EventLoop) {
            gateway.seen.withLock { $0.halfCloses.append(name) }
            call.finish(.ok, on: loop)
        }

        func closed(_ call: GRPCServerCall, on loop: isolated EventLoop) {}
    }

    func send(_ task: AgentTask) async throws {
        let tasks = try #require(tasks.withLock { $0 })
        await tasks.send(task)
    }
}

@Suite("Connection", .timeLimit(.minutes(5)))
struct ConnectionTests {
    let folder = TemporaryFolder()

    /// Runs a gateway and an agent around `body`, then shuts the agent down gracefully.
    func withAgent(
        _ changes: String = "", _ body: @Sendable @escaping (FakeGateway) async throws -> Void
    ) async throws -> FakeGateway {
        let gateway = FakeGateway()
        let server = HTTPServer(router: GRPCRouter([gateway]), logger: quiet) { _ in .empty(.notFound) }
        let port = try await server.listen(host: "127.0.0.1", port: 0)
        let path = folder.file(
            "config.yml", "server: 127.0.0.1:\(port)\nclient_secret: s\nreport_delay: 1\n" + changes)
        let file = ConfigurationFile(path: path)
        let agent = AgentService(
            configuration: try file.load(environment: [:]), file: file,
            environment: ["PATH": "/usr/bin:/bin", "NZ_RECONNECT_DELAY": "0.2"], logger: quiet)
        let running = Task { await agent.run() }
        let outcome: Result<Void, any Error>
        do {
            #expect(await eventually { gateway.tasks.withLock { $0 != nil } })
            outcome = .success(try await body(gateway))
        } catch {
            outcome = .failure(error)
        }
        agent.shutDown()
        await running.value
        await server.stop()
        try outcome.get()
        return gateway
    }

    @Test("the agent reports, sends its credentials in both spellings, and answers tasks")
    func reports() async throws {
        let gateway = try await withAgent { gateway in
            #expect(await eventually { gateway.seen.withLock { $0.states >= 2 && $0.addresses == 1 && $0.hosts >= 2 } })
            let metadata = gateway.seen.withLock(\.metadata)
            #expect(metadata["client-secret"] == "s")
            #expect(metadata["client_secret"] == "s")
            #expect(metadata["client-uuid"] == metadata["client_uuid"])
            try await gateway.send(AgentTask(id: 1, type: .exec, data: #"{"cmd":"echo","args":["hi"]}"#))
            let result = try #require(try await gateway.results.next())
            #expect(result.id == 1)
            #expect(result.data.contains(#""stdout":"hi\n""#))
        }
        // Measurements end before the stream that results travel on.
        #expect(gateway.seen.withLock(\.halfCloses) == ["state", "tasks"])
    }

    @Test("a shutdown ends streams of users first, then the rest, and stops commands")
    func shutdown() async throws {
        let mark = folder.file("pid")
        let gateway = try await withAgent { gateway in
            try await gateway.send(AgentTask(id: 1, type: .terminal, data: #"{"StreamID":"t"}"#))
            #expect(try await gateway.frames.next() == StreamAttachFrame.encode(streamID: "t"))
            let script = "echo $$ > \(mark).tmp; mv \(mark).tmp \(mark); sleep 100"
            try await gateway.send(
                AgentTask(id: 2, type: .exec, data: ExecTask(cmd: "sh", args: ["-c", script]).jsonText()))
            #expect(await eventually { contents(mark) != nil })
        }
        #expect(gateway.seen.withLock(\.halfCloses).suffix(2) == ["state", "tasks"])
        let pid = try #require(contents(mark).flatMap { pid_t($0.dropLast()) })
        #expect(await eventually { !isRunning(pid) })
    }

    @Test("a lost connection is made again; a running command survives it and its result is dropped")
    func reconnect() async throws {
        let mark = folder.file("done")
        _ = try await withAgent { gateway in
            try await gateway.send(
                AgentTask(
                    id: 1, type: .exec, data: ExecTask(cmd: "sh", args: ["-c", "sleep 0.5; touch \(mark)"]).jsonText()))
            let first = try #require(gateway.tasks.withLock { $0 })
            await first.finish()
            #expect(await eventually { gateway.tasks.withLock { $0 !== first } })
            #expect(await eventually { contents(mark) != nil })
            try await gateway.send(AgentTask(id: 2, type: .exec, data: #"{"cmd":"true"}"#))
            #expect(try await gateway.results.next()?.id == 2)
        }
    }

    @Test("the NAT switch is obeyed without a word")
    func gate() async throws {
        _ = try await withAgent("disable_nat: true\n") { gateway in
            try await gateway.send(AgentTask(id: 1, type: .nat, data: #"{"StreamID":"n","Host":"127.0.0.1:1"}"#))
            try await gateway.send(AgentTask(id: 2, type: .keepalive, data: ""))
            #expect(try await gateway.results.next()?.type == 7)
        }
    }
}
