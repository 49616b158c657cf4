import Glibc

/// A program that is made of commands.
package enum Program {
    /// Does what the command line asks for, and ends the process.
    package static func run(_ root: Command, version: String) async -> Never {
        let parser = Parser(root, version: version, width: TerminalWidth.columns)
        exit(await run(parser.parse(Array(CommandLine.arguments.dropFirst()))))
    }

    /// Returns the code that the process ends with.
    static func run(_ request: Request) async -> Int32 {
        switch request {
        case .show(let text):
            return answer(text)
        case .refuse(let text):
            write(text, to: STDERR_FILENO)
            return ExitCode.usage.code
        case .run(let work, let arguments, let help):
            do {
                try await work(arguments)
                return 0
            } catch is HelpRequest {
                return answer(help.whole)
            } catch let error as ExitCode {
                return error.code
            } catch let error as UsageError {
                write(help.refusal(error, offersHelp: true), to: STDERR_FILENO)
                return ExitCode.usage.code
            } catch {
                write("Error: \(error)\n", to: STDERR_FILENO)
                return EXIT_FAILURE
            }
        }
    }

    /// Writes what was asked for. Returns the code to end with: that of sysexits.h for output that cannot be written where
    /// it could not.
    private static func answer(_ text: String) -> Int32 {
        write(text, to: STDOUT_FILENO) ? 0 : ExitCode.inputOutput.code
    }

    /// As much as can be written. Returns whether that was all.
    @discardableResult
    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
            }
            if count > 0 { written += count } else if count == 0 || errno != EINTR { return false }
        }
        return true
    }
}

enum TerminalWidth {
    /// What the environment or the terminal says, else 80.
    static var columns: Int {
        if let text = unsafe getenv("COLUMNS"), let columns = unsafe Int(String(cString: text)), columns > 0 {
            return columns
        }
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
