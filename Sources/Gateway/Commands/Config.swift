import ArgumentParser
import Foundation
import GatewayServer

/// `config …`.
struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The configuration file.", subcommands: [Check.self])

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell whether the gateway would start with this file; changes nothing.")

        @OptionGroup var files: DataFiles

        func run() async throws {
            try await execute {
                let environment = ProcessInfo.processInfo.environment
                let loaded = try ConfigurationLoader(path: files.config, environment: environment).load(readOnly: true)
                for key in loaded.unknownKeys { print("unknown key, kept: \(key)") }
                for key in loaded.fromEnvironment { print("from the environment: \(key)") }
                for key in loaded.generatedKeys { print("missing, random at the next start: \(key)") }
                print("\(files.config): good")
            }
        }
    }
}
