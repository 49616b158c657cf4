import Arguments
import FoundationEssentials
import GatewayServer
import Glibc
import Logging
import Primitives

/// The two files that every command works on.
struct DataFiles {
    private static let configOption = Option("-c", "--config", help: "The configuration.", default: "data/config.yaml")
    private static let databaseOption = Option("-db", "--db", help: "The database.", default: "data/sqlite.db")
    static let rows = [configOption.row, databaseOption.row]

    let config: String
    let database: String
    /// Where everything lies that the gateway keeps besides.
    var dataDirectory: String { AtomicFile.folder(of: database) }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    init(_ given: ParsedArguments) throws {
        config = try given.value(Self.configOption)
        database = try given.value(Self.databaseOption)
    }
}

enum LoggingOptions {
    private static let format = Option<LogFormat>(
        "--log-format", help: "text or json, on standard error.", default: .text)
    private static let level = Option<Logger.Level>(
        "--log-level", help: "trace, debug, info, notice, warning, error or critical.", default: .info,
        ignoresCase: true)
    static let rows = [format.row, level.row]

    static func bootstrap(_ given: ParsedArguments) throws {
        try given.value(format).bootstrap(level: given.value(level))
    }
}

var environment: [String: String] { ProcessInfo.processInfo.environment }

/// Runs a command; an error becomes one line on standard error and a code of sysexits.h.
func execute(_ work: () async throws -> Void) async throws {
    do {
        try await work()
    } catch let error as CommandError {
        try fail(error.description, error.exit)
    } catch {
        let failure = StartFailure(error)
        try fail(failure.text, failure.exit)
    }
}

private func fail(_ text: String, _ code: SystemExit) throws -> Never {
    // What the log has to say of it came before.
    LineSink.standardError.flush()
    StandardStream.error.write("error: \(text)\n")
    throw ExitCode(code.rawValue)
}

extension StandardStream {
    /// Writes an answer that a command was called for.
    /// - Throws: ``CommandError/unwritable``.
    func answer(_ text: String) throws(CommandError) {
        guard write(text) else { throw .unwritable }
    }
}
