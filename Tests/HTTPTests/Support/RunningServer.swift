import Logging
import TestSupport
import Transport

@testable import HTTP

/// A server on a free port of loopback, for the time of a test.
struct RunningServer: Sendable {
    let port: Int
    let server: HTTPServer
    private let ended = Latch()

    func beginShutdown() {
        let (server, ended) = (server, ended)
        Task {
            await server.stop()
            ended.open()
        }
    }

    /// - Returns: how long the graceful shutdown took.
    func shutDown() async -> Duration {
        await ContinuousClock().measure {
            beginShutdown()
            try? await ended.wait()
        }
    }

    static func with<Result: Sendable>(
        limits: ListenerLimits = ListenerLimits(), http: @escaping HTTPEntry = { _ in .text(.ok, "hello") },
        _ body: @escaping @Sendable (RunningServer) async throws -> Result
    ) async throws -> Result {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        // Loops of its own, which no other test holds up.
        let group = EventLoopGroup(count: 2)
        let server = HTTPServer(limits: limits, group: group, logger: logger, entry: http)
        let result: Swift.Result<Result, any Error>
        do {
            let port = try await server.listen(host: "127.0.0.1", port: 0)
            result = .success(try await body(RunningServer(port: port, server: server)))
        } catch {
            result = .failure(error)
        }
        await server.stop()
        await group.stop()
        return try result.get()
    }
}
