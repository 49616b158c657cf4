import Arguments
import GatewayServer
import Primitives

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
            let lines =
                loaded.unknownKeys.map { "unknown key, kept: \($0)" }
                + loaded.fromEnvironment.map { "from the environment: \($0)" }
                + loaded.generatedKeys.map { "missing, random at the next start: \($0)" } + ["\(files.config): good"]
            try StandardStream.output.answer(lines.map { $0 + "\n" }.joined())
        }
    }
}
