import Arguments
import FoundationEssentials
import GatewayServer
import MCPServer

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
                positionals: [file.row], work: validate)
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

    private static func verdict(_ line: String, _ schema: JSONSchema) -> String {
        do {
            let document = try JSONParser.parse(line)
            return schema.firstViolation(in: document).map(\.description) ?? "valid"
        } catch {
            return "not JSON: \(error)"
        }
    }
}
