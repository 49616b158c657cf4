import GRPC
import HTTP
import TestSupport
import Transport

/// Services of gRPC on a port of the loopback interface, for the time of a closure. Whoever tests services of their own
/// copies this file.
struct GRPCTestServer: Sendable {
    let port: UInt16
    /// For clients.
    let loop: EventLoop

    static func with<Success: Sendable>(
        _ services: [any GRPCService], limits: GRPCServerLimits = GRPCServerLimits(), tls: TLSContext? = nil,
        _ body: (GRPCTestServer) async throws -> Success
    ) async throws -> Success {
        let group = EventLoopGroup(count: 2)
        let configuration = HTTP2ServerConfiguration(
            entry: { _ in .empty(.notFound) }, router: GRPCRouter(services, limits: limits))
        let listener = try await Listener.listen(
            host: "127.0.0.1", port: 0, tls: tls, group: group,
            logger: quiet
        ) { transport, info, loop in
            HTTP2Connection(
                over: transport, configuration, peer: info.peerText, isSecure: info.isSecure, on: loop)
        }
        let server = GRPCTestServer(port: listener.address.port, loop: group.next())
        let result: Result<Success, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        await listener.stop()
        // Closes the connections.
        await group.stop()
        return try result.get()
    }

    func connect(
        host: String = "127.0.0.1", tls: TLSContext? = nil,
        options: GRPCClient.Options = GRPCClient.Options(userAgent: "tests/1")
    ) async throws(GRPCStatus) -> GRPCClient {
        try await GRPCClient.connect(host: host, port: port, tls: tls, options: options, on: loop)
    }
}
