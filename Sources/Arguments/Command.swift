/// A command of a program: its options and arguments, and the commands below it.
package struct Command: Sendable {
    package typealias Work = @Sendable (ParsedArguments) async throws -> Void

    let name: String
    let abstract: String
    let discussion: String
    let options: [OptionRow]
    let positionals: [PositionalRow]
    let subcommands: [Command]
    /// Runs when no word names another one.
    let defaultSubcommand: String?
    let validate: @Sendable (ParsedArguments) throws -> Void
    /// nil: the command is a group, and shows its help.
    let work: Work?

    /// - Parameter work: may throw ``UsageError``, ``HelpRequest`` and ``ExitCode``; another error is shown, and the
    ///   program ends with 1.
    package init(
        _ name: String, _ abstract: String, discussion: String = "", options: [OptionRow] = [],
        positionals: [PositionalRow] = [], subcommands: [Command] = [], defaultSubcommand: String? = nil,
        work: Work? = nil
    ) {
        self.name = name
        self.abstract = abstract
        self.discussion = discussion
        self.options = options
        self.positionals = positionals
        self.subcommands = subcommands
        self.defaultSubcommand = defaultSubcommand
        validate = { _ in }
        self.work = work
    }

    /// - Parameter validate: looks at the values before anything is done; throws ``UsageError``.
    package init(
        _ name: String, _ abstract: String, options: [OptionRow] = [], positionals: [PositionalRow] = [],
        validate: @escaping @Sendable (ParsedArguments) throws -> Void, work: @escaping Work
    ) {
        self.name = name
        self.abstract = abstract
        discussion = ""
        self.options = options
        self.positionals = positionals
        subcommands = []
        defaultSubcommand = nil
        self.validate = validate
        self.work = work
    }

    func subcommand(_ name: String) -> Command? {
        subcommands.first { $0.name.utf8.elementsEqual(name.utf8) }
    }
}

/// What a command was given.
package struct ParsedArguments: Sendable {
    /// By the preferred name of the option; flags have an empty text.
    var options: [String: String] = [:]
    var positionals: [String: [String]] = [:]

    package subscript(flag: Flag) -> Bool { options[flag.row.preferredName] != nil }

    /// The value that was given, else the option's default, else nil.
    package subscript<Value>(option: Option<Value>) -> Value? {
        options[option.row.preferredName].flatMap(option.read) ?? option.fallback
    }

    /// In order; one, unless the argument is repeated.
    package subscript<Value>(positional: Positional<Value>) -> [Value] {
        (positionals[positional.row.name] ?? []).compactMap(positional.read)
    }

    /// The value of an option that has a default or must be given.
    /// - Throws: ``UsageError`` when it has neither.
    package func value<Value>(_ option: Option<Value>) throws -> Value {
        guard let value = self[option] else { throw UsageError.missing(option.row.shown(), help: option.row.help) }
        return value
    }

    /// The value of an argument that is not repeated.
    package func value<Value>(_ positional: Positional<Value>) throws -> Value {
        guard let value = self[positional].first else {
            throw UsageError.missing(positional.row.shown, help: positional.row.help)
        }
        return value
    }
}

/// The program ends with this code and says nothing more.
package struct ExitCode: Error, Sendable, Hashable {
    package let code: Int32

    package init(_ code: Int32) { self.code = code }

    /// Wrong usage, as sysexits.h says it.
    package static let usage = ExitCode(64)
    /// Output that cannot be written.
    package static let inputOutput = ExitCode(74)
}

/// The command shows its help instead, on standard output.
package struct HelpRequest: Error, Sendable {
    package init() {}
}

/// What is wrong with a command line.
package struct UsageError: Error, Sendable, Hashable, CustomStringConvertible {
    package let text: String
    /// Of the option that it is about: how it was written, and what it is for.
    let help: String?

    package init(_ text: String) {
        self.text = text
        help = nil
    }

    private init(_ text: String, _ shown: String, _ help: String) {
        self.text = text
        self.help = "\(shown)  \(help)"
    }

    package var description: String { text }

    static func missing(_ shown: String, help: String) -> UsageError {
        let label = shown.hasSuffix(" ...") ? String(shown.dropLast(4)) : shown
        return UsageError("Missing expected argument '\(shown)'", label, help)
    }

    static func missingValue(_ row: OptionRow, as name: String) -> UsageError {
        UsageError("Missing value for '\(row.shown(as: name))'", row.shown(as: name), row.help)
    }

    static func invalid(_ value: String, _ row: OptionRow, as name: String) -> UsageError {
        var text = "The value '\(value)' is invalid for '\(row.shown(as: name))'"
        let choices = row.values?.choices ?? []
        if choices.count == 2 {
            text += ". Please provide one of '\(choices[0])' and '\(choices[1])'."
        } else if !choices.isEmpty {
            text += ". Please provide one of the following:" + choices.map { "\n  - \($0)" }.joined()
        }
        return UsageError(text, row.shown(as: name), row.help)
    }

    static func invalid(_ value: String, _ row: PositionalRow) -> UsageError {
        UsageError("The value '\(value)' is invalid for '\(row.shown)'", "<\(row.name)>", row.help)
    }

    static func unknownOption(_ name: String) -> UsageError { UsageError("Unknown option '\(name)'") }

    static func valueForFlag(_ name: String, _ value: String) -> UsageError {
        UsageError("The option '\(name)' does not take any value, but '\(value)' was specified.")
    }

    static func unexpected(_ values: [String]) -> UsageError {
        let list = values.map { "'\($0)'" }.joined(separator: ", ")
        return UsageError(
            values.count == 1 ? "Unexpected argument \(list)" : "\(values.count) unexpected arguments: \(list)")
    }
}
