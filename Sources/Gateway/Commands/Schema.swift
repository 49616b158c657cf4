import ArgumentParser
import Foundation
import GatewayServer
import MCPServer

/// `schema validate`: the validator that decides about every call, for whoever writes a schema or a client.
struct Schema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "JSON Schemas, as this program applies them.", subcommands: [Validate.self])

    struct Validate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check JSON documents, one a line on standard input, against a schema file.",
            discussion: "Prints one line for each: \"valid\", or the JSON pointer and the rule that it breaks.")

        @Argument(help: "Such as schemas/tools/server.exec.input.json.")
        var file: String

        func run() async throws {
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
                    StandardOutput.line(TerminalText.oneLine(Self.verdict(line, schema)))
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
}
