import Foundation
import GRPCCore
import HTTPTypes
import Logging
import MCPServer
import NIOCore
import Synchronization
import Testing

@testable import GatewayServer

@Suite("When connections end")
struct ConnectionLifeTests {
    @Test("a connection on which nothing is said is closed after a time", arguments: ["", "P", "PRI * HTTP"])
    func silentConnection(said: String) async throws {
        try await RunningGateway.with(limits: .changed { $0.undecided = .milliseconds(200) }) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                if !said.isEmpty { try await connection.send(said) }
                #expect(try await connection.receiveAll() == "")
            }
        }
    }

    @Test("a client that ends before it said anything is let go")
    func endsUndecided() async throws {
        try await RunningGateway.with(limits: .changed { $0.undecided = .seconds(3600) }) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                connection.finishSending()
                let received = try await connection.receiveAll()
                #expect(received == "")
            }
        }
    }

    @Test("an idle connection is closed after a time")
    func idle() async throws {
        try await RunningGateway.with(limits: .changed { $0.idle = .milliseconds(200) }) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(get("/"))
                #expect(try await connection.receiveAll().hasSuffix("hello"))
            }
        }
    }

    @Test("a shutdown does not wait for silent and idle connections")
    func shutdownWithSilence() async throws {
        try await RunningGateway.with(services: [EchoService()]) { gateway in
            try await RawConnection.with(port: gateway.port) { silent in
                try await RawConnection.with(port: gateway.port) { idle in
                    try await idle.send(get("/"))
                    _ = try await idle.receive(through: "hello")
                    #expect(await gateway.shutDown() < .seconds(3))
                    #expect(try await idle.receiveAll() == "")
                }
                #expect(try await silent.receiveAll() == "")
            }
        }
    }

    @Test("a shutdown lets the request in hand finish")
    func shutdownWithRequest() async throws {
        let started = Latch()
        let entry: HTTPEntry = { _ in
            started.open()
            try? await Task.sleep(for: .milliseconds(500))
            return .text(.ok, "finished")
        }
        try await RunningGateway.with(http: entry) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(get("/"))
                // A request that is not in hand yet is turned away.
                try await started.wait()
                let took = await gateway.shutDown()
                #expect(try await connection.receiveAll().hasSuffix("finished"))
                #expect(took < .seconds(4))
            }
        }
    }

    @Test("a request that goes on beyond the grace is cancelled")
    func shutdownWithEndlessRequest() async throws {
        let begun = Latch()
        let cancelled = Latch()
        let entry: HTTPEntry = { _ in
            begun.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "cut off")
        }
        try await RunningGateway.with(limits: .changed { $0.shutdownGrace = .milliseconds(300) }, http: entry) {
            gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(get("/"))
                try await begun.wait()
                #expect(await gateway.shutDown() < .seconds(5))
                try await cancelled.wait()
            }
        }
    }

    @Test("an agent's stream that stays open is cut off after the grace")
    func shutdownWithStream() async throws {
        let notified = Latch()
        try await RunningGateway.with(
            limits: .changed { $0.shutdownGrace = .milliseconds(500) }, services: [EchoService()],
            onShutdown: { notified.open() }
        ) { gateway in
            let error = await #expect(throws: RPCError.self) {
                try await withEchoClient(port: gateway.port) { client in
                    let request = StreamingClientRequest<[UInt8]>(producer: { writer in
                        try await writer.write(Array("open".utf8))
                        try await Task.sleep(for: .seconds(3600))
                    })
                    try await client.bidirectionalStreaming(
                        request: request, descriptor: EchoService.method, serializer: BytesCoder(),
                        deserializer: BytesCoder(), options: .defaults
                    ) { response in
                        for try await _ in response.messages {
                            // The stream is known to be open now.
                            #expect(await gateway.shutDown() < .seconds(5))
                        }
                    }
                }
            }
            #expect(error?.code == .unavailable)
            try await notified.wait()
        }
    }

    @Test("a client that closes its connection cancels the work done for it")
    func disconnectCancels() async throws {
        let (started, cancelled) = (Latch(), Latch())
        let entry: HTTPEntry = { _ in
            started.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "nobody hears this")
        }
        try await RunningGateway.with(limits: .changed { $0.halfClosed = .milliseconds(100) }, http: entry) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(post("/mcp", "{}"))
                try await started.wait()
            }
            try await cancelled.wait()
        }
    }

    @Test("a client that is reset cancels the work at once")
    func resetCancels() async throws {
        let (started, cancelled) = (Latch(), Latch())
        let entry: HTTPEntry = { _ in
            started.open()
            do { try await Task.sleep(for: .seconds(3600)) } catch { cancelled.open() }
            return .text(.ok, "nobody hears this")
        }
        try await RunningGateway.with(limits: .changed { $0.halfClosed = .seconds(3600) }, http: entry) { gateway in
            try await RawConnection.with(port: gateway.port) { connection in
                try await connection.send(post("/mcp", "{}"))
                try await started.wait()
                let options = try #require(connection.channel as? any SocketOptionProvider)
                try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            }
            try await cancelled.wait()
        }
    }

    @Test("other requests go on while one client leaves")
    func disconnectOfOne() async throws {
        let entry: HTTPEntry = { request in
            if request.path == "/long" { try? await Task.sleep(for: .seconds(3600)) }
            return .text(.ok, "hello")
        }
        try await RunningGateway.with(limits: .changed { $0.halfClosed = .milliseconds(50) }, http: entry) { gateway in
            try await RawConnection.with(port: gateway.port) { stays in
                for _ in 0..<5 {
                    try await RawConnection.with(port: gateway.port) { try await $0.send(get("/long")) }
                    try await stays.send(get("/"))
                    #expect(try await stays.receive(through: "hello").hasPrefix("HTTP/1.1 200"))
                }
            }
        }
    }

    @Test("two gateways cannot have the same port, and the error says so")
    func portInUse() async throws {
        try await RunningGateway.with { gateway in
            let second = GatewayServer(
                configuration: ListenerConfiguration(host: "127.0.0.1", port: gateway.port),
                http: { _ in .empty(.ok) }, logger: .init(label: "test"))
            await #expect(
                throws: ListenerError.cannotListen(
                    host: "127.0.0.1", port: gateway.port, reason: "the address is in use")
            ) { try await second.run() }
        }
    }
}
