import Arguments
import FrontEnds
import GatewayServer
import Primitives

/// `frontend …`: the pages that browsers get, also while the gateway runs.
enum FrontEnd {
    private static let source = Positional<String>(
        "file", help: "A zip file, or a folder, with index.html at its top or in the only folder there.", read: { $0 })
    private static let nameOption = Option(
        "--name", help: "Its name, as the settings user_template and admin_template have it.", isRequired: true)
    private static let admin = Flag("--admin", help: "It is one for /dashboard/.")
    private static let name = Positional<String>("name", help: "The front end.", read: { $0 })

    static let command = Command(
        "frontend", "Front ends: the pages that browsers get.",
        subcommands: [
            Command(
                "add", "Install one, or replace the one of that name.",
                discussion:
                    "Whoever is served meanwhile gets the old files or the new ones; a failure changes nothing.",
                options: DataFiles.rows + [nameOption.row, admin.row], positionals: [source.row], work: add),
            Command("list", "Show those that are installed.", options: DataFiles.rows, work: list),
            Command(
                "remove", "Remove one.", options: DataFiles.rows, positionals: [name.row], work: remove),
        ])

    static func store(_ files: DataFiles) -> TemplateStore {
        TemplateStore(dataDirectory: files.dataDirectory)
    }

    @Sendable
    private static func add(_ given: ParsedArguments) async throws {
        let (source, text) = (try given.value(source), try given.value(nameOption))
        let files = try DataFiles(given)
        try await execute {
            _ = try refusing { () throws(TemplateError) in
                guard let name = TemplateName(text) else { throw .badName(text) }
                return try store(files).add(source, as: name, isAdmin: given[admin]) {
                    StandardStream.output.write(line($0))
                }
            }
        }
    }

    @Sendable
    private static func list(_ given: ParsedArguments) async throws {
        let files = try DataFiles(given)
        try await execute { try StandardStream.output.answer(store(files).list().map(line).joined()) }
    }

    @Sendable
    private static func remove(_ given: ParsedArguments) async throws {
        let text = try given.value(name)
        let files = try DataFiles(given)
        try await execute {
            try refusing { () throws(TemplateError) in
                guard let name = TemplateName(text) else { throw .badName(text) }
                try store(files).remove(name)
            }
        }
    }

    private static func line(_ template: InstalledTemplate) -> String {
        "\(template.name)\t\(template.isAdmin ? "admin" : "user")\t\(template.files) files\t\(template.bytes) bytes\n"
    }

    private static func refusing<Result>(_ work: () throws(TemplateError) -> Result) throws(CommandError) -> Result {
        do throws(TemplateError) {
            return try work()
        } catch {
            if case .notTold = error { throw .unwritable }
            throw .refused(TerminalText.oneLine(error.description))
        }
    }
}
