/// What a command says of itself.
package struct HelpText: Sendable {
    private static let column = 26

    /// From the program to the command.
    private let path: [Command]
    private let width: Int

    init(_ path: [Command], width: Int) {
        self.path = path
        self.width = max(width, Self.column + 20)
    }

    private var command: Command { path[path.count - 1] }
    private var words: String { path.map(\.name).joined(separator: " ") }

    /// `nezha-gateway token revoke [--config <config>] <id>`.
    private var usage: String {
        var parts = [words]
        for row in command.options { parts.append(row.values?.isRequired == true ? row.shown() : "[\(row.shown())]") }
        for row in command.positionals { parts.append(command.name == "help" ? "[\(row.shown)]" : row.shown) }
        if !command.subcommands.isEmpty { parts.append("<subcommand>") }
        return parts.joined(separator: " ")
    }

    /// The last part has an empty line after it, as all have, unless it tells where there is more.
    var whole: String {
        var parts = ["OVERVIEW: \(command.abstract)".wrapped(to: width)]
        if !command.discussion.isEmpty { parts.append(command.discussion.wrapped(to: width)) }
        parts.append("USAGE: \(usage)")
        if !command.positionals.isEmpty {
            parts.append(
                "ARGUMENTS:\n" + command.positionals.map { row("<\($0.name)>", $0.help) }.joined(separator: "\n"))
        }
        parts.append("OPTIONS:\n" + options.joined(separator: "\n"))
        if !command.subcommands.isEmpty {
            parts.append("SUBCOMMANDS:\n" + subcommands.joined(separator: "\n"))
            let below = ([path[0].name, "help"] + path.dropFirst().map(\.name)).joined(separator: " ")
            parts.append("  See '\(below) <subcommand>' for detailed help.")
        }
        return parts.joined(separator: "\n\n") + (command.subcommands.isEmpty ? "\n\n" : "\n")
    }

    /// - Parameter offersHelp: names the option that shows the help.
    func refusal(_ error: UsageError, offersHelp: Bool) -> String {
        var lines = ["Error: \(error.text)"]
        if let help = error.help { lines.append("Help:  \(help)") }
        lines.append("Usage: \(usage)")
        if offersHelp { lines.append("  See '\(words) --help' for more information.") }
        return lines.joined(separator: "\n") + "\n"
    }

    private var options: [String] {
        let own = command.options.map { option in
            let names = option.names.sorted { $0.utf8.count == 2 && $1.utf8.count > 2 }.joined(separator: ", ")
            let label = option.values.map { "\(names) <\($0.name)>" } ?? names
            var notes: [String] = []
            if let values = option.values {
                if !values.choices.isEmpty { notes.append("values: " + values.choices.joined(separator: ", ")) }
                if let text = values.defaultText { notes.append("default: \(text)") }
            }
            return row(label, notes.isEmpty ? option.help : "\(option.help) (\(notes.joined(separator: "; ")))")
        }
        let help = command.name == "help" ? [] : [row("-h, --help", "Show help information.")]
        return own + [row("--version", "Show the version.")] + help
    }

    private var subcommands: [String] {
        command.subcommands.map {
            row($0.name == command.defaultSubcommand ? "\($0.name) (default)" : $0.name, $0.abstract)
        }
    }

    /// A name, and what it means in a column of its own.
    private func row(_ label: String, _ help: String) -> String {
        guard !help.isEmpty else { return "  \(label)" }
        let indent = String(repeating: " ", count: Self.column)
        let text = help.wrapped(to: width - Self.column).split(separator: "\n").joined(separator: "\n" + indent)
        let start = "  \(label)"
        guard start.count < Self.column else { return "\(start)\n\(indent)\(text)" }
        return start + String(repeating: " ", count: Self.column - start.count) + text
    }
}

extension String {
    /// Lines of fewer than `width` characters, broken at blanks; a longer word has a line of its own.
    fileprivate func wrapped(to width: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if line.count + 1 + word.count < width {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        return (lines + [line]).joined(separator: "\n")
    }
}
