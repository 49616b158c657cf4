import AgentLink
public import AgentRuntime
public import ArgumentParser
import Foundation
public import Logging

/// The agent itself: runs until SIGTERM or SIGINT.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the agent (default).",
        discussion: "NZ_<KEY> in the environment overrides a key of the file, such as NZ_SERVER or NZ_CLIENT_SECRET.")

    @OptionGroup var file: ConfigurationOption

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level?

    @Option(help: "text or json.")
    var logFormat: LogFormat = .text

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration: AgentConfiguration
        do throws(ConfigurationError) {
            configuration = try file.file.load(environment: environment)
        } catch {
            throw report(error)
        }
        let logger = AgentLogging.makeLogger(
            format: logFormat, level: logLevel ?? (configuration.debug ? .debug : .info))
        logger.info("nezha-agent \(AgentVersion.current) starts", metadata: ["server": "\(configuration.server)"])
        let agent = AgentService(
            configuration: configuration, file: file.file, environment: environment, logger: logger)
        TransferPieces.keepFreedMemory()
        try await AgentRunner.run(agent, logger: logger)
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LogFormat: ExpressibleByArgument {}
