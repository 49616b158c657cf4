import Foundation
import JSON
import MCPServer
import Testing

/// The official JSON-Schema-Test-Suite, which is not part of this repository. `JSON_SCHEMA_TEST_SUITE` names its folder
/// `tests/draft2020-12`, such as the one inside the source distribution of PyPI's `jsonschema`.
@Suite("JSON-Schema-Test-Suite, draft 2020-12")
struct SchemaSuiteTests {
    static let folder = ProcessInfo.processInfo.environment["JSON_SCHEMA_TEST_SUITE"]

    @Test(
        "every case of every schema that compiles has the right answer, and just the expected schemas are refused",
        .enabled(if: folder != nil, "set JSON_SCHEMA_TEST_SUITE to the folder tests/draft2020-12 of the suite"))
    func agreesWithSuite() throws {
        let folder = URL(filePath: try #require(Self.folder), directoryHint: .isDirectory)
        var refused: [String: Int] = [:]
        var wrong: [String] = []
        var cases = 0
        let files = try Self.files(in: folder)
        try #require(files.count > 40)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: folder.appending(path: file)))
            for group in try JSONParser.parse(bytes).arrayValue ?? [] {
                let schema: JSONSchema
                do {
                    schema = try JSONSchema(try #require(group["schema"]))
                } catch let error as SchemaError {
                    refused[file, default: 0] += 1
                    #expect(Self.isExpected(error), "\(file): \(group["description"]?.stringValue ?? ""): \(error)")
                    continue
                }
                for test in group["tests"]?.arrayValue ?? [] {
                    cases += 1
                    let data = try #require(test["data"])
                    let expected = try #require(test["valid"]?.boolValue as Bool?)
                    guard schema.isValid(data) == expected, schema.validate(data).isEmpty == expected,
                        (schema.firstViolation(in: data) == nil) == expected
                    else {
                        let name =
                            "\(group["description"]?.stringValue ?? "")/\(test["description"]?.stringValue ?? "")"
                        wrong.append("\(file): \(name)")
                        continue
                    }
                }
            }
        }
        #expect(wrong.sorted() == Self.deliberateDifferences.sorted())
        #expect(refused == Self.refusedSchemas)
        #expect(cases > 1_000)
    }

    private static func files(in folder: URL) throws -> [String] {
        var files: [String] = []
        for part in ["", "optional/", "optional/format/"] {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: part).path())
            files += names.filter { $0.hasSuffix(".json") }.map { part + $0 }
        }
        return files.filter { !annotationFormats.contains($0) }.sorted()
    }

    /// A refusal is a decision of ours, never a schema that we misread.
    private static func isExpected(_ error: SchemaError) -> Bool {
        switch error {
        case .unsupportedKeyword(_, let keyword): unsupportedKeywords.contains(keyword)
        case .unsupportedDialect, .unsupportedReference, .unsupportedPattern: true
        default: false
        }
    }

    private static let unsupportedKeywords: Set<String> = [
        "$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "contentEncoding", "contentMediaType", "contentSchema",
        // Of older drafts, and inventions of the suite.
        "array_of_schemas", "dependencies", "unknown-keyword", "unevaluatedItems", "unevaluatedProperties",
    ]

    /// How many schemas of each file are refused: files about keywords that the validator does not have, and single
    /// schemas that use such a keyword in passing or refer to the meta-schema.
    private static let refusedSchemas: [String: Int] = [
        "anchor.json": 4, "content.json": 4, "defs.json": 1, "dynamicRef.json": 20, "not.json": 1, "ref.json": 16,
        "refRemote.json": 15, "unevaluatedItems.json": 27, "unevaluatedProperties.json": 41, "vocabulary.json": 2,
        "optional/anchor.json": 1, "optional/cross-draft.json": 1, "optional/dependencies-compatibility.json": 7,
        "optional/dynamicRef.json": 1, "optional/ecmascript-regex.json": 4, "optional/format-assertion.json": 2,
        "optional/id.json": 1, "optional/refOfUnknownKeyword.json": 2, "optional/unknownKeyword.json": 1,
    ]

    /// `format` is an annotation by default; for these we assert it.
    private static let deliberateDifferences = ["date-time", "ipv4", "ipv6", "uri", "uuid"].map {
        "format.json: \($0) format/invalid \($0) string is only an annotation by default"
    }

    /// Files about formats that stay annotations.
    private static let annotationFormats = Set(
        [
            "date", "duration", "ecmascript-regex", "email", "hostname", "idn-email", "idn-hostname", "iri",
            "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time", "uri-reference", "uri-template",
        ].map { "optional/format/\($0).json" })
}
