import AgentRuntime
import ArgumentParser
import Foundation

/// Looks at the configuration and changes it.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check or change the configuration file.",
        subcommands: [Check.self, Assign.self, Edit.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say whether the agent could start with it.")

        @OptionGroup var file: ConfigurationOption

        func run() async throws {
            try failing { _ = try file.file.load(environment: ProcessInfo.processInfo.environment) }
            print("\(file.config) is valid")
        }
    }

    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Set keys and keep the others.",
            discussion: "Lists are separated by commas: config set report_delay=2 dns=192.0.2.53:53")

        @OptionGroup var file: ConfigurationOption

        @Argument(help: "key=value, as often as needed.")
        var assignments: [String]

        func run() async throws {
            try failing { try file.file.set(assignments) }
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the file in an editor.",
            discussion:
                "Opens $VISUAL or $EDITOR (vi without them) on a draft beside the file, which replaces it when valid.")

        @OptionGroup var file: ConfigurationOption

        func run() async throws {
            let editor = ConfigurationEditor(file: file.file, environment: ProcessInfo.processInfo.environment)
            do {
                switch try await editor.run() {
                case .saved: print("\(file.config) was changed; restart the agent to use it")
                case .unchanged: print("\(file.config) was not changed")
                }
            } catch let error as ConfigurationError {
                let code = report(error)
                if FileManager.default.fileExists(atPath: editor.draft) {
                    StandardError.write("the draft is kept as \(editor.draft)\n")
                }
                throw code
            }
        }
    }
}
