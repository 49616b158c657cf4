import AgentLink
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import AgentRuntime

/// A gateway as far as an agent can tell.
final class FakeGateway: Proto_NezhaService.ServiceProtocol {
    struct Seen: Sendable {
        var hosts = 0
        var states = 0
        var addresses = 0
        var metadata: [String: String] = [:]
        var halfCloses: [String] = []
    }

    let seen = Mutex(Seen())
    let results = BoundedQueue<Proto_TaskResult>(limit: 64)
    let frames = BoundedQueue<[UInt8]>(limit: 64)
    /// The tasks of the connection of the moment; finishing it ends that connection.
    let tasks = Mutex<BoundedQueue<Proto_Task>?>(nil)

    func reportSystemInfo2(
        request: ServerRequest<Proto_Host>, context: ServerContext
    ) async throws -> ServerResponse<Proto_Uint64Receipt> {
        seen.withLock { seen in
            seen.hosts += 1
            for (key, value) in request.metadata {
                if case .string(let text) = value { seen.metadata[key] = text }
            }
        }
        var receipt = Proto_Uint64Receipt()
        receipt.data = 1_700_000_000
        return ServerResponse(message: receipt)
    }

    func reportSystemInfo(
        request: ServerRequest<Proto_Host>, context: ServerContext
    ) async throws -> ServerResponse<Proto_Receipt> {
        ServerResponse(message: Proto_Receipt())
    }

    func reportGeoIP(
        request: ServerRequest<Proto_GeoIP>, context: ServerContext
    ) async throws -> ServerResponse<Proto_GeoIP> {
        seen.withLock { $0.addresses += 1 }
        return ServerResponse(message: request.message)
    }

    func reportSystemState(
        request: StreamingServerRequest<Proto_State>, context: ServerContext
    ) async throws -> StreamingServerResponse<Proto_Receipt> {
        StreamingServerResponse { writer in
            for try await _ in request.messages {
                self.seen.withLock { $0.states += 1 }
                try await writer.write(Proto_Receipt())
            }
            self.seen.withLock { $0.halfCloses.append("state") }
            return [:]
        }
    }

    func requestTask(
        request: StreamingServerRequest<Proto_TaskResult>, context: ServerContext
    ) async throws -> StreamingServerResponse<Proto_Task> {
        let queue = BoundedQueue<Proto_Task>(limit: 64)
        tasks.withLock { $0 = queue }
        return StreamingServerResponse(metadata: [AgentExtensions.metadataKey: "cancel"]) { writer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for try await result in request.messages { try await self.results.send(result) }
                    self.seen.withLock { $0.halfCloses.append("tasks") }
                    queue.finish()
                }
                while let task = try await queue.next() { try await writer.write(task) }
                group.cancelAll()
            }
            return [:]
        }
    }

    func ioStream(
        request: StreamingServerRequest<Proto_IOStreamData>, context: ServerContext
    ) async throws -> StreamingServerResponse<Proto_IOStreamData> {
        StreamingServerResponse { _ in
            for try await message in request.messages { try await self.frames.send(message.frame) }
            self.seen.withLock { $0.halfCloses.append("io") }
            return [:]
        }
    }

    func send(_ task: Proto_Task) async throws {
        let queue = try #require(tasks.withLock { $0 })
        try await queue.send(task)
    }
}

@Suite("Connection", .timeLimit(.minutes(1)))
struct ConnectionTests {
    let folder = TemporaryFolder()

    /// Runs a gateway and an agent around `body`, then shuts the agent down gracefully.
    func withAgent(
        _ changes: String = "", _ body: @Sendable @escaping (FakeGateway) async throws -> Void
    ) async throws -> FakeGateway {
        let gateway = FakeGateway()
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext),
            services: [gateway])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            let address = try #require(try await server.listeningAddress?.ipv4)
            let path = folder.file(
                "config.yml", "server: 127.0.0.1:\(address.port)\nclient_secret: s\nreport_delay: 1\n" + changes)
            let file = ConfigurationFile(path: path)
            let agent = AgentService(
                configuration: try file.load(environment: [:]), file: file,
                environment: ["PATH": "/usr/bin:/bin", "NZ_RECONNECT_DELAY": "0.2"],
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            let services = ServiceGroup(
                configuration: .init(
                    services: [agent], logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
            group.addTask { try await services.run() }
            #expect(await eventually { gateway.tasks.withLock { $0 != nil } })
            try await body(gateway)
            await services.triggerGracefulShutdown()
            try await group.next()
            server.beginGracefulShutdown()
            group.cancelAll()
        }
        return gateway
    }

    @Test("the agent reports, sends its credentials in both spellings, and answers tasks")
    func reports() async throws {
        let gateway = try await withAgent { gateway in
            #expect(await eventually { gateway.seen.withLock { $0.states >= 2 && $0.addresses == 1 && $0.hosts >= 2 } })
            let metadata = gateway.seen.withLock(\.metadata)
            #expect(metadata["client-secret"] == "s" && metadata["client_secret"] == "s")
            #expect(metadata["client-uuid"] == metadata["client_uuid"])
            try await gateway.send(Proto_Task(id: 1, type: .exec, data: #"{"cmd":"echo","args":["hi"]}"#))
            let result = try #require(try await gateway.results.next())
            #expect(result.id == 1 && result.data.contains(#""stdout":"hi\n""#))
        }
        // Measurements end before the stream that results travel on.
        #expect(gateway.seen.withLock(\.halfCloses) == ["state", "tasks"])
    }

    @Test("a shutdown ends streams of users first, then the rest, and stops commands")
    func shutdown() async throws {
        let mark = folder.file("pid")
        let gateway = try await withAgent { gateway in
            try await gateway.send(Proto_Task(id: 1, type: .terminal, data: #"{"StreamID":"t"}"#))
            #expect(try await gateway.frames.next() == StreamAttachFrame.encode(streamID: "t"))
            let script = "echo $$ > \(mark).tmp; mv \(mark).tmp \(mark); sleep 100"
            try await gateway.send(
                Proto_Task(id: 2, type: .exec, data: ExecTask(cmd: "sh", args: ["-c", script]).jsonText()))
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
                Proto_Task(
                    id: 1, type: .exec, data: ExecTask(cmd: "sh", args: ["-c", "sleep 0.5; touch \(mark)"]).jsonText()))
            let first = try #require(gateway.tasks.withLock { $0 })
            first.finish()
            #expect(await eventually { gateway.tasks.withLock { $0 !== first } })
            #expect(await eventually { contents(mark) != nil })
            try await gateway.send(Proto_Task(id: 2, type: .exec, data: #"{"cmd":"true"}"#))
            #expect(try await gateway.results.next()?.id == 2)
        }
    }

    @Test("the NAT switch is obeyed without a word")
    func gate() async throws {
        _ = try await withAgent("disable_nat: true\n") { gateway in
            try await gateway.send(Proto_Task(id: 1, type: .nat, data: #"{"StreamID":"n","Host":"127.0.0.1:1"}"#))
            try await gateway.send(Proto_Task(id: 2, type: .keepalive, data: ""))
            #expect(try await gateway.results.next()?.type == 7)
        }
    }
}
