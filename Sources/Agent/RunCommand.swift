import AgentLink
import AgentRuntime
import Arguments
import Logging
import Transport

/// The agent itself: runs until SIGTERM or SIGINT.
enum RunCommand {
    private static let level = Option<Logger.Level>(
        "--log-level", help: "trace, debug, info, notice, warning, error or critical.", ignoresCase: true)
    private static let format = Option<LogFormat>("--log-format", help: "text or json.", default: .text)

    static let command = Command(
        "run", "Run the agent (default).",
        discussion: "NZ_<KEY> in the environment overrides a key of the file, such as NZ_SERVER or NZ_CLIENT_SECRET.",
        options: [configurationOption.row, level.row, format.row], work: run)

    @Sendable
    private static func run(_ given: ParsedArguments) async throws {
        AgentLimits.raise()
        let file = try given.file
        let environment = environment
        let configuration: AgentConfiguration
        do throws(ConfigurationError) {
            configuration = try file.load(environment: environment)
        } catch {
            throw report(error)
        }
        let logger = AgentLogging.makeLogger(
            format: try given.value(format), level: given[level] ?? (configuration.debug ? .debug : .info))
        logger.info("nezha-agent \(AgentVersion.current) starts", metadata: ["server": "\(configuration.server)"])
        let agent = AgentService(configuration: configuration, file: file, environment: environment, logger: logger)
        TransferPieces.keepFreedMemory()
        await AgentRunner.run(agent)
    }
}
