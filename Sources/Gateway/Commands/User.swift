import Arguments
import Glibc
import MCPServer
import Primitives

/// `user …`: accounts without a log-in, also while the gateway runs.
enum User {
    private static let name = Positional<String>("name", help: "The user.", read: { $0 })

    static let command = Command(
        "user", "User accounts.",
        subcommands: [
            Command(
                "set-password",
                "Set a password, read from the first line of standard input; ends the user's sessions.",
                options: DataFiles.rows, positionals: [name.row], work: setPassword)
        ])

    @Sendable
    private static func setPassword(_ given: ParsedArguments) async throws {
        let name = try given.value(name)
        let files = try DataFiles(given)
        try await execute {
            guard let password = readPassword(), !password.isEmpty else { throw CommandError.noPassword }
            try await GatewayData.with(files) { data in
                _ = try await data.user(named: name)
                try await refusing {
                    try await AccountService(storage: data.storage, dataKey: data.dataKey)
                        .setPassword(password, ofUserNamed: name)
                }
            }
        }
    }

    /// At a terminal it asks, and shows nothing of what is typed.
    private static func readPassword() -> String? {
        guard isatty(STDIN_FILENO) == 1 else { return readLine() }
        StandardStream.error.write("New password: ")
        var shown = termios()
        guard unsafe tcgetattr(STDIN_FILENO, &shown) == 0 else { return readLine() }
        var hidden = shown
        hidden.c_lflag &= ~tcflag_t(ECHO)
        unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
        defer {
            unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
            StandardStream.error.write("\n")
        }
        return readLine()
    }
}
