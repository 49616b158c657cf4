public import Logging
import ServiceLifecycle
import UnixSignals

/// Runs an agent as a process: SIGTERM and SIGINT end it in good order.
public enum AgentRunner {
    public static func run(_ agent: AgentService, logger: Logger) async throws {
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: agent)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Everything inside ends within ten seconds; this is for what nobody thought of.
        configuration.maximumGracefulShutdownDuration = .seconds(15)
        try await ServiceGroup(configuration: configuration).run()
    }
}
