import Synchronization
import Testing

@testable import Arguments

@Suite("The command line")
struct ParserTests {
    enum Color: String, CaseIterable, Sendable { case red, green }

    static let path = Option("-p", "--path", help: "A path.", default: "here")
    static let count = Option<Int>("-ct", "--count", help: "A number.", read: { Int($0) })
    static let color = Option<Color>("--color", help: "A color.", default: .red)
    static let shade = Option<Color>("--shade", help: "A color.", ignoresCase: true)
    static let name = Option("--name", help: "A name.", isRequired: true)
    static let loud = Flag("-l", "--loud", help: "Be loud.")
    static let all = Flag("-a", help: "All.")
    static let target = Positional<Int>("target", help: "Where to.", read: { Int($0) })
    static let words = Positional<String>("words", help: "Words.", isRepeated: true, read: { $0 })

    static let tool = Command(
        "tool", "A tool.", options: [all.row],
        subcommands: [
            Command("go", "Goes.", options: [path.row, count.row, color.row, loud.row], positionals: [target.row]) {
                _ in
            },
            Command(
                "say", "Says.", options: [name.row], positionals: [words.row],
                validate: { given in
                    if given[words].contains("no") { throw UsageError("words: \"no\" is not said") }
                }
            ) { _ in },
            Command("group", "Groups.", subcommands: [Command("one", "One.") { _ in }]),
        ])

    private func parsed(_ line: [String]) throws -> ParsedArguments {
        guard case .run(_, let parsed, _) = Parser(Self.tool, version: "1").parse(line) else {
            throw UsageError("not run: \(line)")
        }
        return parsed
    }

    @Test("capital letters count as small ones where an option says so, and nowhere else")
    func capitals() throws {
        let tool = Command("tool", "A tool.", options: [Self.shade.row, Self.color.row]) { _ in }
        guard case .run(_, let given, _) = Parser(tool, version: "1").parse(["--shade", "GREEN", "--color", "red"]),
            case .refuse = Parser(tool, version: "1").parse(["--color", "Red"])
        else { throw UsageError("read otherwise") }
        #expect(given[Self.shade] == .green)
        #expect(given[Self.color] == .red)
    }

    private func refusal(_ line: [String]) throws -> String {
        guard case .refuse(let text) = Parser(Self.tool, version: "1").parse(line) else {
            throw UsageError("not refused: \(line)")
        }
        return String(text.prefix { $0 != "\n" })
    }

    private func shown(_ line: [String]) throws -> String {
        guard case .show(let text) = Parser(Self.tool, version: "1").parse(line) else {
            throw UsageError("not shown: \(line)")
        }
        return text
    }

    @Test(
        "options stand before and after values, with one dash or two, with = or without",
        arguments: [
            ["go", "-p", "x", "--count", "3", "7"], ["go", "7", "--path=x", "-ct", "3"],
            ["go", "--path", "x", "7", "-ct=3"], ["go", "--count=3", "-p=x", "--", "7"],
            ["go", "-p", "y", "-p", "x", "--count=1", "--count=3", "7"],
        ])
    func places(line: [String]) throws {
        let given = try parsed(line)
        #expect(try given.value(Self.path) == "x")
        #expect(given[Self.count] == 3)
        #expect(try given.value(Self.target) == 7)
        #expect(given[Self.color] == .red)
        #expect(!given[Self.loud])
    }

    @Test("defaults count when nothing is given, flags of the program also behind its words")
    func defaults() throws {
        let given = try parsed(["go", "1", "-l", "-a"])
        #expect(try given.value(Self.path) == "here")
        #expect(given[Self.count] == nil)
        #expect(given[Self.loud])
    }

    @Test("short flags may share a dash; a value of one of them is the next word")
    func groups() throws {
        let given = try parsed(["go", "-lp", "x", "1"])
        #expect(given[Self.loud])
        #expect(given[Self.path] == "x")
        #expect(try refusal(["go", "-lx", "1"]) == "Error: Unknown option '-x'")
        #expect(try refusal(["go", "-xyz", "1"]) == "Error: Unknown option '-xyz'")
    }

    @Test("after -- everything is a value, and none of an option's")
    func terminator() throws {
        #expect(try parsed(["say", "--name", "n", "--", "--help", "-x", "--"])[Self.words] == ["--help", "-x", "--"])
        #expect(try refusal(["say", "--name", "--", "x"]) == "Error: Missing value for '--name <name>'")
        #expect(try refusal(["--", "go"]) == "Error: Unexpected argument 'go'")
    }

    @Test(
        "wrong usage is told",
        arguments: [
            (["go"], "Missing expected argument '<target>'"),
            (["go", "x"], "The value 'x' is invalid for '<target>'"),
            (["go", "1", "2"], "Unexpected argument '2'"),
            (["go", "1", "2", "3"], "2 unexpected arguments: '2', '3'"),
            (["go", "1", "--pat", "x"], "Unknown option '--pat'"),
            (["go", "1", "--path"], "Missing value for '--path <path>'"),
            (["go", "1", "--path="], "Missing value for '--path <path>'"),
            (["go", "1", "--path", "-l"], "Missing value for '--path <path>'"),
            (["go", "1", "--count", "x"], "The value 'x' is invalid for '--count <ct>'"),
            (["go", "1", "-ct", "x"], "The value 'x' is invalid for '-ct <ct>'"),
            (["go", "1", "--loud=1"], "The option '--loud' does not take any value, but '1' was specified."),
            (
                ["go", "--color", "blue"],
                "The value 'blue' is invalid for '--color <color>'. Please provide one of 'red' and 'green'."
            ),
            (["say", "x"], "Missing expected argument '--name <name>'"),
            (["say", "--name", "x"], "Missing expected argument '<words> ...'"),
            (["say", "--name", "x", "no"], "words: \"no\" is not said"),
            (["nothing"], "Unexpected argument 'nothing'"), (["group", "two"], "Unexpected argument 'two'"),
            (["-p", "x", "go", "1"], "Unknown option '-p'"), (["help", "--odd"], "Unknown option '--odd'"),
        ])
    func refusals(line: [String], text: String) throws {
        #expect(try refusal(line) == "Error: \(text)")
    }

    @Test("a refusal says how it is used, and exits as sysexits.h says")
    func usage() async throws {
        guard case .refuse(let text) = Parser(Self.tool, version: "1").parse(["say", "--name"]) else {
            throw UsageError("not refused")
        }
        #expect(
            text == """
                Error: Missing value for '--name <name>'
                Help:  --name <name>  A name.
                Usage: tool say --name <name> <words> ...
                  See 'tool say --help' for more information.

                """)
        #expect(ExitCode.usage.code == 64)
    }

    @Test("help is asked for in several ways, and in spite of mistakes")
    func help() throws {
        let go = try shown(["go", "--help"])
        #expect(go.contains("USAGE: tool go [--path <path>] [-ct <ct>] [--color <color>] [--loud] <target>\n"))
        #expect(go.contains("  -p, --path <path>       A path. (default: here)\n"))
        #expect(go.contains("  --color <color>         A color. (values: red, green; default: red)\n"))
        for line in [
            ["go", "-h"], ["help", "go"], ["go", "--odd", "-h"], ["go", "1", "2", "--help"], ["go", "-xh"],
        ] {
            #expect(try shown(line) == go)
        }
        let all = try shown(["--help"])
        for line in [["help"], ["help", "odd"], ["--help", "go"], ["odd", "-h"], []] {
            #expect(try shown(line) == all)
        }
        #expect(try shown(["group"]) == shown(["help", "group"]))
        for line in [["--version"], ["go", "--version"], ["group", "one", "--version"]] {
            #expect(try shown(line) == "1\n")
        }
    }

    @Test("lines of the help are broken before its width")
    func width() throws {
        for width in [10, 46, 47, 50, 80] {
            let tool = Command("tool", String(repeating: "word ", count: 40), options: [Self.color.row]) { _ in }
            guard case .show(let text) = Parser(tool, version: "1", width: width).parse(["-h"]) else {
                throw UsageError("not shown")
            }
            let broken = text.split(separator: "\n").filter { !$0.hasPrefix("USAGE") }
            #expect(broken.allSatisfy { $0.count < max(width, 46) }, "\(width)")
        }
    }

    @Test("a default command gets what names no other")
    func defaultCommand() throws {
        let tool = Command(
            "tool", "A tool.",
            subcommands: [
                Command("run", "Runs.", options: [Self.path.row]) { _ in }, Command("stop", "Stops.") { _ in },
            ], defaultSubcommand: "run")
        let parser = Parser(tool, version: "1")
        for line in [[], ["-p", "here"], ["run"]] {
            guard case .run(_, let given, _) = parser.parse(line) else { throw UsageError("not run: \(line)") }
            #expect(given[Self.path] == "here")
        }
        guard case .show(let own) = parser.parse(["--help"]), case .show(let run) = parser.parse(["--help", "x"]) else {
            throw UsageError("not shown")
        }
        #expect(own.contains("  run (default)           Runs.\n"))
        #expect(run.contains("USAGE: tool run [--path <path>]"))
    }

    @Test("names are compared byte by byte")
    func bytes() throws {
        // Equal as texts: é as one scalar, and as e with an accent.
        let tool = Command("tool", "A tool.", subcommands: [Command("\u{E9}", "x") { _ in }])
        guard case .refuse = Parser(tool, version: "1").parse(["e\u{301}"]) else { throw UsageError("not refused") }
        guard case .run = Parser(tool, version: "1").parse(["\u{E9}"]) else { throw UsageError("not run") }
    }

    @Test("the code of the process")
    func codes() async {
        let parser = Parser(Command("tool", "A tool.") { _ in throw ExitCode(73) }, version: "1")
        #expect(await Program.run(parser.parse([])) == 73)
        #expect(await Program.run(.show("")) == 0)
        #expect(await Program.run(.refuse("")) == 64)
        let fine = Parser(Command("tool", "A tool.") { _ in }, version: "1")
        #expect(await Program.run(fine.parse([])) == 0)
    }
}
