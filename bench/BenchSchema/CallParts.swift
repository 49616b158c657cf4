import HTTP
import JSON
import MCPServer

/// Where the time of a `tools/call` goes: CPU microseconds of each part of `meta.whoami`.
struct CallParts {
    private let request = Array(
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"meta.whoami","arguments":{}}}"#.utf8)
    private let answer = Answer()
    private let input: JSONSchema
    private let output: JSONSchema

    init(_ definition: ToolDefinition) throws {
        input = try JSONSchema(definition.inputSchema.document())
        output = try JSONSchema(definition.outputSchema.document())
    }

    /// - Parameters:
    ///   - call: CPU time of a whole call whose tool has its answer ready, audit row included.
    ///   - row: CPU time of an audit row: until it waits for the writer, and until it is in the database.
    func measured(call: Double, row: (noted: Double, written: Double)) throws -> [(name: String, microseconds: Double)]
    {
        let value = try JSONValueEncoder().encode(answer)
        if let violation = output.firstViolation(in: value) { throw NotTypical(violation: "\(violation)") }
        let parse = CPUTime.ofOne { (try? JSONRPCRequest(parsing: request)) != nil }
        let arguments = CPUTime.ofOne { input.isValid([:]) }
        let encode = CPUTime.ofOne { (try? JSONValueEncoder().encode(answer)) != nil }
        let check = CPUTime.ofOne { output.isValid(value) }
        let write = CPUTime.ofOne { !JSONRPCResponse.success(id: .number(.integer(1)), toolResult: value).isEmpty }
        let rest = call - parse - arguments - check - write - row.noted - row.written
        return [
            ("parse the request", parse), ("check the arguments", arguments), ("struct to value", encode),
            ("check the result", check), ("write the answer", write), ("note the audit row", row.noted),
            ("store the audit row", row.written), ("token, limits and all else", rest),
        ]
    }

    private struct NotTypical: Error {
        var violation: String
    }

    /// As the tool's own answer, which a bench cannot see.
    private struct Answer: Encodable {
        struct Limits: Encodable {
            var calls_per_second = 100
            var calls_per_minute = 1_000
            var exec_timeout_seconds_max = 300
            var request_bytes_max = 8 << 20
            var fs_read_bytes_max = 1 << 20
            var fs_write_bytes_max = 1 << 20
        }

        struct Budget: Encodable {
            var calls_this_second = 99
            var calls_this_minute = 998
        }

        var user_id: Int64 = 1
        var username = "admin"
        var is_admin = true
        var token_id: Int64 = 2
        var token_name: String? = "bench"
        var scopes = ["nezha:*"]
        var server_ids: [Int64]?
        var expires_at: String?
        var limits = Limits()
        var budget: Budget? = Budget()
        var gateway_version = "1.0.0"
        var protocol_version: String? = "2025-06-18"
        var protocol_versions = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
    }
}
