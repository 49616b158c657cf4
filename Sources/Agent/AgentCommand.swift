import AgentRuntime
import ArgumentParser

/// `nezha-agent`: connects this machine to a gateway (`agent-link.md`).
@main
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nezha-agent",
        abstract: "Connects this machine to a nezha-gateway or a compatible dashboard.",
        version: AgentVersion.current,
        subcommands: [RunCommand.self, ConfigCommand.self, ServiceCommand.self],
        defaultSubcommand: RunCommand.self)
}

/// Settings that every command takes.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .shortAndLong, help: "The configuration file (YAML).")
    var config = "config.yml"

    var file: ConfigurationFile { ConfigurationFile(path: config) }
}

/// Ends the process as sysexits.h says, with a message that needs no knowledge of the program.
func failing(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as ConfigurationError {
        throw report(error)
    }
}

func report(_ error: ConfigurationError) -> ExitCode {
    StandardError.write("nezha-agent: \(error)\n")
    return ExitCode(error.exitCode)
}
