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
