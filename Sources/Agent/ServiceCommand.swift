import AgentRuntime
import ArgumentParser
import Foundation

/// Makes the agent a service of this machine.
struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service", abstract: "Install or remove a systemd unit.",
        subcommands: [Install.self, Uninstall.self])

    struct UnitOption: ParsableArguments {
        @Option(help: "Where systemd looks for units.")
        var unitDir = "/etc/systemd/system"

        var unit: SystemdUnit { SystemdUnit(directory: unitDir) }
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Write the unit and say how to start it.")

        @OptionGroup var file: ConfigurationOption
        @OptionGroup var unit: UnitOption

        @Option(help: "The user to run as; without it, root.")
        var user: String?

        func run() async throws {
            try failing {
                let path = try unit.unit.install(
                    program: Bundle.main.executablePath ?? CommandLine.arguments[0], configuration: file.config,
                    user: user)
                print("wrote \(path)\nstart it with: systemctl daemon-reload && systemctl enable --now nezha-agent")
            }
        }
    }

    struct Uninstall: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove the unit.")

        @OptionGroup var unit: UnitOption

        func run() async throws {
            try failing {
                let path = try unit.unit.uninstall()
                print("removed \(path)\nstop it with: systemctl disable --now nezha-agent; systemctl daemon-reload")
            }
        }
    }
}
