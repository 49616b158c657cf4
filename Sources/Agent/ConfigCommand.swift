import AgentRuntime
import Arguments
import Glibc
import Primitives

/// Looks at the configuration and changes it.
enum ConfigCommand {
    private static let assignments = Positional<String>(
        "assignments", help: "key=value, as often as needed.", isRepeated: true, read: { $0 })

    static let command = Command(
        "config", "Check or change the configuration file.",
        subcommands: [
            Command(
                "check", "Say whether the agent could start with it.", options: [configurationOption.row], work: check),
            Command(
                "set", "Set keys and keep the others.",
                discussion: "Lists are separated by commas: config set report_delay=2 dns=192.0.2.53:53",
                options: [configurationOption.row], positionals: [assignments.row], work: assign),
            Command(
                "edit", "Change the file in an editor.",
                discussion: """
                    Opens $VISUAL or $EDITOR (vi without them) on a draft beside the file, which replaces it when valid.
                    """,
                options: [configurationOption.row], work: edit),
        ])

    @Sendable
    private static func check(_ given: ParsedArguments) async throws {
        let file = try given.file
        try failing { _ = try file.load(environment: environment) }
        try answer("\(file.path) is valid")
    }

    @Sendable
    private static func assign(_ given: ParsedArguments) async throws {
        let file = try given.file
        try failing { try file.set(given[assignments]) }
    }

    @Sendable
    private static func edit(_ given: ParsedArguments) async throws {
        let file = try given.file
        let editor = ConfigurationEditor(file: file, environment: environment)
        do {
            switch try await editor.run() {
            case .saved(let former):
                try answer("\(file.path) was changed; restart the agent to use it") {
                    editor.takeBack(former)
                    StandardStream.error.write("the draft is kept as \(editor.draft)\n")
                }
            case .unchanged: try answer("\(file.path) was not changed")
            }
        } catch let error as ConfigurationError {
            let code = report(error)
            if unsafe access(editor.draft, F_OK) == 0 {
                StandardStream.error.write("the draft is kept as \(editor.draft)\n")
            }
            throw code
        }
    }
}
