import Arguments
import Logging
import Primitives

@main
enum NezhaGateway {
    private static let showsVersion = Flag("-v", help: "Show the version.")

    static let command = Command(
        "nezha-gateway", "The server for Nezha agents, scripts and language models.", options: [showsVersion.row],
        subcommands: [
            Serve.command, Import.command, Backup.backup, Backup.restore, Token.command, User.command, Config.command,
            FrontEnd.command,
            Schema.command,
        ]
    ) { given in
        guard given[showsVersion] else { throw HelpRequest() }
        try await execute { try StandardStream.output.answer(Composition.version + "\n") }
    }

    static func main() async {
        StandardDescriptors.open()
        await Program.run(command, version: Composition.version)
    }
}
