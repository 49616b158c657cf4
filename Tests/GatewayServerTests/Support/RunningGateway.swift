import GRPCCore
import HTTPTypes
import Logging
import MCPServer
import ServiceLifecycle
import Testing

@testable import GatewayServer

/// A gateway on a free port of loopback, for the time of a test.
struct RunningGateway: Sendable {
    let address: GatewayServer.Address
    private let group: ServiceGroup
    private let ended: @Sendable () async -> Void

    var port: Int { address.port }

    func beginShutdown() async { await group.triggerGracefulShutdown() }

    /// - Returns: how long the graceful shutdown took.
    func shutDown() async -> Duration {
        await ContinuousClock().measure {
            await beginShutdown()
            await ended()
        }
    }

    static func with<Result: Sendable>(
        limits: ListenerLimits = ListenerLimits(), tls: ListenerConfiguration.TLS? = nil,
        services: [any RegistrableRPCService] = [], onShutdown: @escaping @Sendable () async -> Void = {},
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
        let group = ServiceGroup(configuration: .init(services: [server], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer {
                    ended.open()
                    told.finish()
                }
                try await group.run()
            }
            var iterator = addresses.makeAsyncIterator()
            guard let address = await iterator.next() else {
                try await tasks.waitForAll()
                throw NeverListened()
            }
            let gateway = RunningGateway(address: address, group: group) { try? await ended.wait() }
            let result: Result
            do { result = try await body(gateway) } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        }
    }

    struct NeverListened: Error {}
}

extension ListenerLimits {
    /// - Parameter change: what this test makes shorter or smaller.
    static func changed(_ change: (inout ListenerLimits) -> Void) -> ListenerLimits {
        var limits = ListenerLimits()
        change(&limits)
        return limits
    }
}

/// Repeats a check until it holds or the time is up.
func eventually(within limit: Duration = .seconds(10), _ check: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if await check() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return await check()
}
