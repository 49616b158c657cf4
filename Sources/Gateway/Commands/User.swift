import ArgumentParser
import Foundation
import MCPServer

/// `user …`: accounts without a log-in, also while the gateway runs.
struct User: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "User accounts.", subcommands: [SetPassword.self])

    struct SetPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-password",
            abstract: "Set a password, read from the first line of standard input; ends the user's sessions.")

        @OptionGroup var files: DataFiles

        @Argument(help: "The user.")
        var name: String

        func run() async throws {
            try await execute {
                guard let password = Self.readPassword(), !password.isEmpty else { throw CommandError.noPassword }
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
            FileHandle.standardError.write(Data("New password: ".utf8))
            var shown = termios()
            guard tcgetattr(STDIN_FILENO, &shown) == 0 else { return readLine() }
            var hidden = shown
            hidden.c_lflag &= ~tcflag_t(ECHO)
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
            defer {
                tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
                FileHandle.standardError.write(Data("\n".utf8))
            }
            return readLine()
        }
    }
}
