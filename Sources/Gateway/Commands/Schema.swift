import Arguments
import FoundationEssentials
import GatewayServer
import JSON
import Logging
import MCPServer
import Primitives
import RESTAdapter
import Secrets
import Storage
import TimeZones

/// `schema validate`: the validator that decides about every call, for whoever writes a schema or a client.
enum Schema {
    private static let file = Positional<String>(
        "file", help: "Such as schemas/tools/server.exec.input.json.", read: { $0 })

    static let command = Command(
        "schema", "JSON Schemas, as this program applies them.",
        subcommands: [
            Command(
                "validate", "Check JSON documents, one a line on standard input, against a schema file.",
                discussion: "Prints one line for each: \"valid\", or the JSON pointer and the rule that it breaks.",
                positionals: [file.row], work: validate),
            Command("openapi", "Show the OpenAPI document of /api/v1.", work: openAPI),
            Command("scopes", "Show who may call what, and which scope a token needs.", work: scopes),
        ])

    @Sendable
    private static func validate(_ given: ParsedArguments) async throws {
        let file = try given.value(file)
        try await execute {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw CommandError.refused("\(file): cannot be read")
            }
            let schema: JSONSchema
            do {
                schema = try JSONSchema(try JSONParser.parse(Array(data)))
            } catch {
                throw CommandError.refused("\(file): \(error)")
            }
            while let line = readLine(strippingNewline: true) {
                // Names of members are free text and stand in pointers.
                try StandardStream.output.answer(TerminalText.oneLine(verdict(line, schema)) + "\n")
            }
        }
    }

    @Sendable
    private static func openAPI(_: ParsedArguments) async throws {
        try await execute {
            try await described { composition in
                try StandardStream.output.answer(composition.openAPI.json.text + "\n")
            }
        }
    }

    @Sendable
    private static func scopes(_: ParsedArguments) async throws {
        try await execute {
            try await described { composition in
                try StandardStream.output.answer(composition.scopes.text)
            }
        }
    }

    /// A gateway that serves nobody, over a database that is gone afterwards: whoever asks it sees all modules.
    private static func described(_ work: (Composition) throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/nezha-gateway-\(SecureRandom.alphanumeric(16))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let config = folder + "/config.yaml"
        let loaded = try ConfigurationLoader(path: config, environment: [:]).load()
        let logger = Logger(label: "nezha-gateway")
        let handle = try SQLiteDatabase.open(path: folder + "/sqlite.db", mode: .serve, logger: logger)
        defer { handle.close() }
        let composition = try await Composition(
            loaded.configuration, settings: YAMLSettingsStore(path: config, configuration: loaded.configuration),
            storage: handle.storage, dataDirectory: folder, zone: Zone.named("UTC", folder: "/usr/share/zoneinfo"),
            logger: logger)
        try work(composition)
    }

    private static func verdict(_ line: String, _ schema: JSONSchema) -> String {
        do {
            let document = try JSONParser.parse(line)
            return schema.firstViolation(in: document).map(\.description) ?? "valid"
        } catch {
            return "not JSON: \(error)"
        }
    }
}
