import Logging
import Synchronization

/// What all parts of a running agent share.
final class AgentContext: Sendable {
    /// Replaced as a whole by tasks 13 and 14; read it once per piece of work.
    let configuration: CurrentConfiguration
    /// The agent's own environment variables.
    let environment: [String: String]
    let metrics: MetricsCollector
    let running = RunningTasks()
    /// Work that ends by itself and outlives a connection: a command that restarts the network must run to its end
    /// (`agent-link-details.md` 1, rhythm).
    let oneShots = JobQueue()
    /// What tasks of that kind hold, from their coming until their result is on its way. While a gateway takes no results no
    /// more are made than those of the commands that run and of so many file tasks.
    let budget: ByteBudget
    let fileTurns = ByteBudget(limit: 32)
    let reload: ReloadCoordinator
    let logger: Logger

    init(
        configuration: AgentConfiguration, file: ConfigurationFile, environment: [String: String],
        metrics: MetricsCollector? = nil, logger: Logger, reloadDelay: Duration = .seconds(10),
        budget: ByteBudget = ByteBudget(limit: 64 << 20)
    ) {
        let current = CurrentConfiguration(configuration)
        self.configuration = current
        self.environment = environment
        self.metrics = metrics ?? MetricsCollector(logger: logger)
        self.logger = logger
        self.budget = budget
        reload = ReloadCoordinator(current: current, file: file, delay: reloadDelay, logger: logger)
    }
}

/// The configuration in force.
final class CurrentConfiguration: Sendable {
    private let state: Mutex<AgentConfiguration>

    init(_ configuration: AgentConfiguration) {
        state = Mutex(configuration)
    }

    var value: AgentConfiguration { state.withLock { $0 } }

    func replace(_ configuration: AgentConfiguration) {
        state.withLock { $0 = configuration }
    }
}
