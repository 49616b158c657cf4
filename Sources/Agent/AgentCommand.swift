import AgentRuntime
import Arguments
import FoundationEssentials
import Logging
import Primitives
import Transport

/// `nezha-agent`: connects this machine to a gateway (`agent-link.md`).
@main
enum AgentCommand {
    static let command = Command(
        "nezha-agent", "Connects this machine to a nezha-gateway or a compatible dashboard.",
        subcommands: [RunCommand.command, ConfigCommand.command, ServiceCommand.command],
        defaultSubcommand: "run")

    static func main() async {
        StandardDescriptors.open()
        Signals.ignoreBrokenPipes()
        await Program.run(command, version: AgentVersion.current)
    }
}

/// The file of settings, which every command takes.
let configurationOption = Option("-c", "--config", help: "The configuration file (YAML).", default: "config.yml")

extension ParsedArguments {
    var file: ConfigurationFile {
        get throws { ConfigurationFile(path: try value(configurationOption)) }
    }
}

var environment: [String: String] { ProcessInfo.processInfo.environment }

/// Ends the process as sysexits.h says, with a message that needs no knowledge of the program.
func failing(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as ConfigurationError {
        throw report(error)
    }
}

/// Says what was done; when nobody can hear it, it is undone, and the exit code is 74.
func answer(_ text: String, undo: () -> Void = {}) throws {
    guard StandardStream.output.write(text + "\n") else {
        undo()
        StandardStream.error.write("nezha-agent: standard output cannot be written\n")
        throw ExitCode.inputOutput
    }
}

func report(_ error: ConfigurationError) -> ExitCode {
    StandardStream.error.write("nezha-agent: \(error)\n")
    return ExitCode(error.exitCode)
}
