import GRPC
import HTTP
import Logging
import TestSupport

@testable import GatewayServer

/// A gateway on a free port of loopback, for the time of a test.
struct RunningGateway: Sendable {
    let address: GatewayServer.Address
    private let server: GatewayServer
    private let ended: Latch

    var port: Int { address.port }

    func beginShutdown() async { await server.stop() }

    /// Waits until the gateway has ended.
    func end() async { try? await ended.wait() }

    /// - Returns: how long the graceful shutdown took.
    func shutDown() async -> Duration {
        await ContinuousClock().measure {
            await beginShutdown()
            await end()
        }
    }

    static func with<Result: Sendable>(
        limits: ListenerLimits = ListenerLimits(), tls: ListenerConfiguration.TLS? = nil,
        services: [any GRPCService] = [], onShutdown: @escaping @Sendable () async -> Void = {},
        http: @escaping HTTPEntry = { _ in .text(.ok, "hello") },
        _ body: @escaping @Sendable (RunningGateway) async throws -> Result
    ) async throws -> Result {
        var configuration = ListenerConfiguration(host: "127.0.0.1", port: 0, tls: tls)
        configuration.limits = limits
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let (addresses, told) = AsyncStream<GatewayServer.Address>.makeStream()
        let ended = Latch()
        let server = GatewayServer(
            configuration: configuration, http: http, grpcServices: services, onListening: { told.yield($0) },
            onShutdown: onShutdown, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer {
                    ended.open()
                    told.finish()
                }
                try await server.run()
            }
            var iterator = addresses.makeAsyncIterator()
            guard let address = await iterator.next() else {
                try await tasks.waitForAll()
                throw NeverListened()
            }
            let gateway = RunningGateway(address: address, server: server, ended: ended)
            let result: Result
            do { result = try await body(gateway) } catch {
                await server.stop()
                throw error
            }
            await server.stop()
            try await tasks.waitForAll()
            return result
        }
    }

    struct NeverListened: Error {}
}
