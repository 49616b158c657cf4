public import ArgumentParser
import Foundation
public import GatewayServer
public import Logging

/// The two files that every command works on.
struct DataFiles: ParsableArguments {
    @Option(name: .shortAndLong, help: "The configuration.")
    var config = "data/config.yaml"

    @Option(name: [.customLong("db", withSingleDash: true), .customLong("db")], help: "The database.")
    var database = "data/sqlite.db"
}

struct LoggingOptions: ParsableArguments {
    @Option(help: "text or json, on standard error.")
    var logFormat: LogFormat = .text

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: Logger.Level = .info

    func bootstrap() {
        logFormat.bootstrap(level: logLevel)
    }
}

extension LogFormat: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}

/// Runs a command; an error becomes one line on standard error and a code of sysexits.h.
func execute(_ work: () async throws -> Void) async throws {
    do {
        try await work()
    } catch let error as CommandError {
        try fail(error.description, .dataError)
    } catch {
        let failure = StartFailure(error)
        try fail(failure.text, failure.exit)
    }
}

private func fail(_ text: String, _ code: SystemExit) throws -> Never {
    FileHandle.standardError.write(Data("error: \(text)\n".utf8))
    throw ExitCode(code.rawValue)
}
