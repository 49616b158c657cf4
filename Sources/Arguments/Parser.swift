/// What a command line asks for.
package enum Request: Sendable {
    case run(Command.Work, ParsedArguments, help: HelpText)
    /// A text for standard output.
    case show(String)
    /// A text for standard error, and ``ExitCode/usage``.
    case refuse(String)
}

/// Reads command lines. Options may stand before and after the words and values of their command; those of a command
/// also behind the words of the commands below it. Names are not abbreviated.
package struct Parser: Sendable {
    static let helpNames = ["-h", "--help"]
    static let versionNames = ["--version"]

    private let root: Command
    private let version: String
    private let width: Int

    /// - Parameter width: columns of the help.
    package init(_ root: Command, version: String, width: Int = 80) {
        self.root = root
        self.version = version
        self.width = width
    }

    /// - Parameter arguments: without the program's name.
    package func parse(_ arguments: [String]) -> Request {
        var words = Words(arguments)
        var path = [root]
        while true {
            let command = path[path.count - 1]
            do throws(UsageError) {
                if let next = try step(path, &words) {
                    path = next
                } else {
                    return try finish(path, &words)
                }
            } catch {
                return .refuse(HelpText(path, width: width).refusal(error, offersHelp: command.name != "help"))
            }
        }
    }

    /// Takes the options of the last command of `path`, and goes on to the next one when a word names it.
    private func step(_ path: [Command], _ words: inout Words) throws(UsageError) -> [Command]? {
        let command = path[path.count - 1]
        try words.takeOptions(of: command.options)
        if let name = words.first {
            if let next = command.subcommand(name) {
                words.removeFirst()
                return path + [next]
            }
            if path.count == 1, name == "help", !command.subcommands.isEmpty {
                words.removeFirst()
                return path + [Self.help]
            }
        }
        guard let name = command.defaultSubcommand, let next = command.subcommand(name) else { return nil }
        // Alone, these ask the command itself.
        if words.count == 1, words.holds(Self.helpNames) || words.holds(Self.versionNames) { return nil }
        return path + [next]
    }

    private func finish(_ path: [Command], _ words: inout Words) throws(UsageError) -> Request {
        let command = path[path.count - 1]
        if command.name == "help", path.count == 2 { return try finishHelp(&words) }
        try words.takePositionals(command.positionals)
        // Who asks for help gets it in spite of what is missing or too much.
        if words.holds(Self.helpNames) { return .show(HelpText(path, width: width).whole) }
        if words.holds(Self.versionNames) { return .show(version + "\n") }
        let parsed = words.parsed
        try requireAll(command, parsed)
        do {
            try command.validate(parsed)
        } catch {
            throw error as? UsageError ?? UsageError("\(error)")
        }
        try words.requireEmpty()
        guard let work = command.work else { return .show(HelpText(path, width: width).whole) }
        return .run(work, parsed, help: HelpText(path, width: width))
    }

    private func requireAll(_ command: Command, _ parsed: ParsedArguments) throws(UsageError) {
        for row in command.options where row.values?.isRequired == true && parsed.options[row.preferredName] == nil {
            throw .missing(row.shown(), help: row.help)
        }
        for row in command.positionals where parsed.positionals[row.name] == nil {
            throw .missing(row.shown, help: row.help)
        }
    }

    static let help = Command(
        "help", "Show subcommand help information.",
        positionals: [PositionalRow(name: "subcommands", help: "", isRepeated: true, accepts: { _ in true })])

    /// `help token create`: as far as the words name commands.
    private func finishHelp(_ words: inout Words) throws(UsageError) -> Request {
        if words.holds(Self.versionNames) { return .show(version + "\n") }
        words.drop(Self.helpNames)
        var path = [root]
        try words.takePositionals(Self.help.positionals)
        for name in words.parsed.positionals["subcommands"] ?? [] {
            if path.count == 1, name == "help" {
                path.append(Self.help)
                break
            }
            guard let next = path[path.count - 1].subcommand(name) else { break }
            path.append(next)
        }
        try words.requireEmpty()
        return .show(HelpText(path, width: width).whole)
    }
}
