import Arguments
import GatewayServer

/// `config …`.
enum Config {
    static let command = Command(
        "config", "The configuration file.",
        subcommands: [
            Command(
                "check", "Tell whether the gateway would start with this file; changes nothing.",
                options: DataFiles.rows,
                work: check)
        ])

    @Sendable
    private static func check(_ given: ParsedArguments) async throws {
        let files = try DataFiles(given)
        try await execute {
            let loaded = try ConfigurationLoader(path: files.config, environment: environment).load(readOnly: true)
            for key in loaded.unknownKeys { print("unknown key, kept: \(key)") }
            for key in loaded.fromEnvironment { print("from the environment: \(key)") }
            for key in loaded.generatedKeys { print("missing, random at the next start: \(key)") }
            print("\(files.config): good")
        }
    }
}
