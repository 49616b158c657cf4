import Foundation
import HTTP
import JSON
import Testing

@testable import MCPServer

/// What strangers send first meets these three. `FuzzCorpus/README.md` says how to run more inputs.
@Suite("Fuzzing: JSON, the JSON-RPC envelope, the schema validator")
struct FuzzTests {
    @Test("no input crashes the parser, and what it reads comes back the same")
    func json() throws {
        var fuzzer = try Fuzzer(.json)
        let (accepted, count) = try fuzzer.run { bytes in
            let value: JSONValue
            do { value = try JSONParser.parse(bytes) } catch { return .refused(error) }
            let written = value.serialized()
            let again = try JSONParser.parse(written)
            // Text too, since equality looks through the spelling of numbers.
            guard again == value, again.serialized() == written, value.hashValue == again.hashValue else {
                Issue.record("not the same after writing: \(bytes)")
                return .accepted
            }
            #expect(try JSONValueDecoder().decode(JSONValue.self, from: value) == value, "\(bytes)")
            return .accepted
        }
        #expect(accepted > count / 50, "too few of the inputs are JSON for this to say much")
    }

    @Test("no body crashes the envelope, ids and arguments are those that were sent, and every refusal is an answer")
    func envelope() throws {
        var fuzzer = try Fuzzer(.envelope)
        let (accepted, count) = try fuzzer.run { bytes in
            let request: JSONRPCRequest
            do throws(JSONRPCEnvelopeError) { request = try JSONRPCRequest(parsing: bytes) } catch {
                let answer = JSONRPCResponse.failure(error).serialized()
                #expect(try JSONParser.parse(answer)["error"]?["code"]?.int64Value ?? 0 < -32_000, "\(bytes)")
                return .refused(error)
            }
            if let fault = request.argumentsFault {
                // The arguments cannot be read, and the envelope is what it is without them.
                let range = try #require(request.argumentsRange, "\(bytes)")
                let rest = try JSONParser.parse(
                    Array(bytes[..<range.lowerBound] + Array("null".utf8) + bytes[range.upperBound...]))
                #expect(JSONRPCResponse.success(id: request.id, 1).json["id"]?.text == rest["id"]?.text, "\(bytes)")
                #expect(throws: fault, "\(bytes)") { try JSONParser.parse(bytes) }
                return .accepted
            }
            let value = try JSONParser.parse(bytes)
            #expect(JSONRPCResponse.success(id: request.id, 1).json["id"]?.text == value["id"]?.text, "\(bytes)")
            let arguments = value["params"]?["arguments"]
            if let range = request.argumentsRange {
                #expect(try JSONParser.parse(Array(bytes[range])) == arguments, "\(bytes)")
            } else {
                #expect(arguments == nil, "\(bytes)")
            }
            _ = request.progressToken
            do { _ = try MCPEra.of(request, Self.headers(of: request)) } catch { return .refused(error) }
            return .accepted
        }
        #expect(accepted > count / 50, "too few of the inputs are requests for this to say much")
    }

    /// What a client would send with the body, so that the body decides; a method that no header holds is left out.
    private static func headers(of request: JSONRPCRequest) -> HTTPFields {
        var fields: HTTPFields = [.mcpMethod: request.method]
        fields[.mcpProtocolVersion] = request.meta?[MCPProtocol.Meta.protocolVersion]?.stringValue
        fields[.mcpName] = request.params?["name"]?.stringValue
        return fields
    }

    @Test("schemas of noise compile or are refused, and what they say of a document they say in every way alike")
    func schema() throws {
        var fuzzer = try Fuzzer(.schema, extra: Fuzzer.files(in: Fuzzer.toolSchemas))
        let documents = try Fuzzer.files(in: Fuzzer.corpusFolder.appending(path: "json"))
            .compactMap { try? JSONParser.parse($0) }
        let fixed = fuzzer.corpus.compactMap { try? JSONSchema(JSONParser.parse($0)) }
        try #require(documents.count > 10)
        try #require(fixed.count > 50)
        var choice = FuzzGenerator(seed: Fuzzer.seed)
        let (accepted, count) = try fuzzer.run { bytes in
            let value: JSONValue
            do { value = try JSONParser.parse(bytes) } catch { return .refused(error) }
            // Noise as a document of a sound schema.
            Self.check(fixed[choice.below(fixed.count)], value, bytes)
            let schema: JSONSchema
            do { schema = try JSONSchema(value) } catch { return .refused(error) }
            // And a sound document under noise, and noise under itself.
            Self.check(schema, documents[choice.below(documents.count)], bytes)
            Self.check(schema, value, bytes)
            return .accepted
        }
        #expect(accepted > count / 50, "too few of the inputs are schemas for this to say much")
    }

    private static func check(_ schema: JSONSchema, _ value: JSONValue, _ bytes: [UInt8]) {
        let isValid = schema.isValid(value)
        if isValid != (schema.firstViolation(in: value) == nil) || isValid != schema.validate(value).isEmpty {
            Issue.record("the validator contradicts itself: \(bytes)")
        }
    }

    @Test("patterns of noise compile or are refused, and never trap")
    func patterns() throws {
        let pieces = [
            "a", "(", ")", "|", "*", "+", "?", "[", "]", "^", "$", "{2}", "{1,3}", "\\d", ".", "-", "b", "\\u00e9",
            "(?:", "{0}", "{,2}", "{999}", "\\", "\\p{L}", "[^", "&&", "\\W", "\\b", "{3,1}",
        ]
        var generator = FuzzGenerator(seed: Fuzzer.seed &+ 1)
        for _ in 0..<max(500, Fuzzer.total / 30) {
            let pattern = (0...generator.below(8)).map { _ in pieces[generator.below(pieces.count)] }.joined()
            guard let schema = try? JSONSchema(["pattern": .string(pattern)]) else { continue }
            _ = schema.isValid("abé1(")
        }
    }
}
