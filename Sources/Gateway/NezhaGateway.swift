import ArgumentParser

@main
struct NezhaGateway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nezha-gateway",
        abstract: "The server for Nezha agents, scripts and language models.",
        version: Composition.version,
        subcommands: [Serve.self, Token.self, User.self, Config.self, Schema.self])

    @Flag(name: .customShort("v"), help: "Show the version.")
    var showsVersion = false

    func run() async throws {
        guard showsVersion else { throw CleanExit.helpRequest(self) }
        print(Self.configuration.version)
    }
}
