import GRPC
import HTTP
import Logging
import TestSupport
import Testing

@testable import GatewayServer

@Suite("When connections end")
struct ConnectionLifeTests {
    @Test("an agent's stream that stays open is cut off after the grace")
    func shutdownWithStream() async throws {
        let notified = Latch()
        try await RunningGateway.with(
            limits: .changed { $0.shutdownGrace = .milliseconds(500) }, services: [EchoService()],
            onShutdown: { notified.open() }
        ) { gateway in
            let error = await #expect(throws: GRPCStatus.self) {
                try await withEchoClient(port: gateway.port) { client in
                    try await client.withStream(EchoService.path, metadata: EchoService.secret) { stream in
                        try await stream.send(Array("open".utf8))
                        while try await stream.next() != nil {
                            // The stream is known to be open now.
                            #expect(await gateway.shutDown() < .seconds(30))
                        }
                    }
                }
            }
            #expect(error?.code == .unavailable)
            try await notified.wait()
        }
    }

    @Test("two gateways cannot have the same port, and the error says so")
    func portInUse() async throws {
        try await RunningGateway.with { gateway in
            let second = GatewayServer(
                configuration: ListenerConfiguration(host: "127.0.0.1", port: gateway.port),
                http: { _ in .empty(.ok) }, logger: Logger(label: "test"))
            await #expect(
                throws: ListenerError.cannotListen(
                    host: "127.0.0.1", port: gateway.port, reason: "the address is in use")
            ) { try await second.run() }
        }
    }
}
